"""One thread for linear algebra."""

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from srnet.threads import single_thread


def blas_threads() -> set[int]:
    np.linalg.eigvalsh(np.eye(2))
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_there_is_one_thread_inside_and_as_many_as_before_behind() -> None:
    for number in (3, 2):
        with threadpool_limits(number):
            with single_thread():
                assert blas_threads() == {1}
            assert blas_threads() == {number}
