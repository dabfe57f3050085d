"""The constants of a composite are fitted by the method of Levenberg and Marquardt; weights and
biases follow by least squares."""

import numpy as np

from srnet.cgp.compiling import borrowing, copy
from srnet.search.kernels.class_kernel import solve_positive
from srnet.search.kernels.composite_kernel import adopt, evaluate_from
from srnet.search.kernels.normal_equations import list_constants, normal_equations


@borrowing()
def fit_constants(steps, problem, composite, scratch):  # type: ignore[no-untyped-def]
    """Fit the active constants of a composite in at most so many steps; all evaluations count,
    derivatives as ``DERIVATIVES``."""
    constants, fit = scratch.moved, scratch.fit
    count = list_constants(problem.layout, composite.genes, scratch.graph, fit)
    if count == 0:
        return
    products = fit.products[: count * count].reshape(count, count)
    damped = fit.damped[: count * count].reshape(count, count)
    gradient, move = fit.gradient[:count], fit.move[:count]
    damping = 1e-2
    for _ in range(steps):
        normal_equations(problem, composite, scratch, products, gradient)
        trace = 0.0
        for k in range(count):
            # a constant by which the fitness has no derivative stays as it is
            if not (products[k, k] < np.inf and abs(gradient[k]) < np.inf):
                gradient[k] = 0.0
                for other in range(count):
                    products[k, other], products[other, k] = 0.0, 0.0
            trace += products[k, k]
        if not trace < np.inf:
            return
        improved = False
        for _ in range(3):
            copy(products, damped)
            copy(gradient, move)
            for k in range(count):
                damped[k, k] += damping * products[k, k] + 1e-30 + 1e-12 * trace
            if not solve_positive(damped, move):
                damping *= 10.0
                continue
            copy(composite.constants, constants)
            finite = True
            for k in range(count):
                value = constants[fit.slots[k]] + move[k]
                finite &= abs(value) < 1e38
                # as the kernel reads it, so that formula and kernel share it
                constants[fit.slots[k]] = np.float64(np.float32(value))
            if not finite:
                return
            before = composite.total[0]
            total = evaluate_from(
                fit.owners[0], composite.genes, constants, problem, composite, before, scratch
            )
            if total < before:
                adopt(total, composite.genes, constants, composite, scratch)
                improved = before - total > 1e-4 * total
                damping *= 0.2
                break
            damping *= 10.0
        if not improved:
            return
