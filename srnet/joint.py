"""The joint search (preset ``joint``): whole composites are scored, so that every layer's formula serves the output."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from srnet.cgp import composites
from srnet.cgp.composites import Lineage, Problem, Scratch
from srnet.cgp.genome import Genes, Grid, random_genes, random_normals, stream
from srnet.cgp.kernels import CHUNK
from srnet.cgp.target import Target
from srnet.errors import UserError
from srnet.individual import Individual, judge
from srnet.layers import Layers
from srnet.settings import Settings

_ROWS, _GENES, _CONSTANTS, _CLIMB = range(4)
_MOST_DRAWS = 1000


class JointSearch:
    """Climbers on whole composites, halved from round to round; ``step`` is one generation of every climber."""

    def __init__(self, layers: Layers, settings: Settings, seed: int, *, threads: int = 1, **P) -> None:
        self.layers, self.settings, self.seed = layers, settings, seed
        self.P = dict(starts=16, rows=1024, two=0.3, const=0.3, cap=1000, lm=0, again=0.0, cross=0.0, T=0.0, halve=1, parch=0)
        self.P.update(P)
        self.grids = [Grid(layers.widths[i], settings.n_eph, settings.rows, settings.cols, settings.functions) for i in range(layers.depth)]
        self.problem = _problem(layers, self.grids, seed, self.P)
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._threads = threads
        self._scratch = [_scratch(self.problem, self.grids) for _ in range(threads)]
        n = self.problem.targets.size
        self.jac=np.zeros((sum(g.constants for g in self.grids), n)); self.r0=np.zeros(n); self.r1=np.zeros(n)
        self.generation = 0
        self.history: list[float] = []
        self.best: Individual | None = None
        self.lineages = [self._start(i) for i in range(self.P['starts'])]
        self._known = np.inf
        self.total_generations = settings.generations
        self.round = 0
        self.used = 0

    @property
    def fitness(self): return self.best.fitness if self.best else float("inf")
    @property
    def finished(self): return self.generation >= self.settings.generations or self.fitness <= self.settings.stop
    @property
    def evaluations(self): return self.used+ sum(int(l.counters[1]) for l in self.lineages)

    def _start(self, number: int) -> Lineage:
        problem=self.problem
        count = problem.table.shape[0]
        width = int(problem.table[:, composites.WIDTH].max())
        size = int(problem.alleles.size); eph = int(problem.table[:, composites.CONSTANTS].sum())
        nodes = sum(g.nodes for g in self.grids)
        lineage = Lineage(
            key=np.array([stream(self.seed, _CLIMB, number, 0)], dtype=np.uint64), counters=np.zeros(2, dtype=np.int64),
            genes=np.zeros(size, dtype=np.int32), constants=np.zeros(eph), total=np.array([np.inf]), side=np.zeros(count, dtype=np.int64),
            f=np.zeros((count, 2, problem.rows), dtype=np.float32), weights=np.zeros((count, 2, width)), biases=np.zeros((count, 2, width)),
            losses=np.zeros((count, 2)), archive=np.full(nodes + 1, np.inf), archive_genes=np.zeros((nodes + 1, size), dtype=np.int32),
            archive_constants=np.zeros((nodes + 1, eph)))
        for draw in range(_MOST_DRAWS):
            lineage.genes[:] = random_genes(problem.alleles, np.uint64(stream(self.seed, _GENES, number, draw)))
            lineage.constants[:] = random_normals(eph, np.uint64(stream(self.seed, _CONSTANTS, number, draw)))
            composites.start(problem, lineage, self._scratch[0])
            if np.isfinite(lineage.total[0]): break
        return lineage

    def step(self):
        alive = len(self.lineages)
        gen_evals = self.settings.population * len(self.grids)
        pg = np.array([l.genes for l in self.lineages]); pc = np.array([l.constants for l in self.lineages])
        if self.P['parch']:
            pg, pc = [], []
            for l in self.lineages:
                a = np.minimum.accumulate(np.concatenate([[np.inf], l.archive]))
                for c in np.flatnonzero(l.archive < a[:-1])[-6:]:
                    pg.append(l.archive_genes[c]); pc.append(l.archive_constants[c])
            pg, pc = np.array(pg), np.array(pc)
        temp = self.P['T'] * max(0.0, 1 - self.generation / (0.9 * self.settings.generations))
        for l in self.lineages:
            before = l.genes.copy()
            composites.climb(gen_evals, temp, pg, pc, self.problem, l, self._scratch[0])
            if self.P['lm'] and (l.genes != before).any() :
                composites.polish(self.P['lm'], self.problem, l, self._scratch[0], self.jac, self.r0, self.r1)
        self.generation += alive
        top = min(self.lineages, key=lambda l: l.archive.min())
        if top.archive.min() < self._known:
            c = int(np.argmin(top.archive))
            self._known = top.archive[c]
            ind = self._judge(top.archive_genes[c], top.archive_constants[c])
            if ind is not None and ind.fitness < self.fitness: self.best = ind
        self.history += [self.fitness]*alive
        # halving
        rounds = int(np.log2(self.P['starts']))+1
        if self.generation*rounds/self.settings.generations >= self.round+1 and alive>1 and self.P['halve']:
            self.round += 1
            self.lineages.sort(key=lambda l: l.archive.min())
            for l in self.lineages[(alive+1)//2:]: self.used += int(l.counters[1])
            del self.lineages[(alive+1)//2:]

    def _judge(self, genes, constants):
        programs=[]; gs=[]
        t=self.problem.table
        for i,grid in enumerate(self.grids):
            g=genes[t[i,0]:t[i,0]+t[i,1]].copy(); c=constants[t[i,2]:t[i,2]+t[i,3]]
            gs.append(g); programs.append(grid.program(g,c))
        return judge(gs,programs,self.layers)


def _problem(layers, grids, seed, P):
    train, valid = layers.splits["train"], layers.splits["valid"]
    n, m = train[0].shape[0], valid[0].shape[0]
    a, b = np.arange(n), np.arange(m)
    if n + m > P['rows']:
        rng = np.random.default_rng([seed, _ROWS])
        keep = P['rows'] * n // (n + m)
        a, b = np.sort(rng.choice(n, keep, replace=False)), np.sort(rng.choice(m, P['rows'] - keep, replace=False))
    rows = a.size + b.size
    targets = [Target.of(h[a], g[b], -(-rows // CHUNK) * CHUNK) for h, g in zip(train[1:], valid[1:])]
    table = np.zeros((len(grids), 10), dtype=np.int64)
    at = np.zeros(5, dtype=np.int64)
    units = max(t.values.shape[0] for t in targets)
    sums_h = np.zeros((len(grids), 3, units)); sums_hh = np.zeros((len(grids), 3))
    for i, (g, t) in enumerate(zip(grids, targets)):
        u = t.values.shape[0]
        table[i] = (at[0], g.genes, at[1], g.constants, g.inputs, at[2], u, t.mean.size, at[3], at[4])
        at += (g.genes, g.constants, t.values.size, t.basis.size, t.mean.size)
        sums_h[i, :, :u] = t.seen_h[-1]; sums_hh[i] = t.seen_hh[-1]
    return Problem(table, np.concatenate([g.alleles() for g in grids]), grids[0].opcodes(), np.vstack([train[0][a], valid[0][b]]).T.ravel().astype(np.float32),
        np.concatenate([t.values.ravel() for t in targets]), sums_h, sums_hh, np.concatenate([t.mean for t in targets]), np.concatenate([t.basis.ravel() for t in targets]),
        int(a.size), int(rows), P['cap'], P['two'], P['again'], P['cross'], P['const'])


def _scratch(problem, grids):
    most = max(g.terminals + g.nodes for g in grids); nodes = max(g.nodes for g in grids)
    return Scratch(np.zeros(most * problem.rows, dtype=np.float32), np.zeros((nodes, 3), dtype=np.int32), np.zeros((nodes, 4), dtype=np.int32),
        np.zeros(CHUNK), np.zeros((2, 2 + problem.sums_h.shape[2])), np.zeros(problem.sums_h.shape[2]), np.zeros(len(grids), dtype=np.int64),
        np.zeros(len(grids), dtype=np.bool_), np.zeros(sum(g.constants for g in grids) + 1, dtype=np.int64),
        np.zeros(problem.alleles.size, dtype=np.int32), np.zeros(sum(g.constants for g in grids)))
