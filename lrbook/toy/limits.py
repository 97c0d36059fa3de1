"""The two limits of Theorem 3.5: a linear classifier of the P-only examples, and of all with P."""

import numpy as np

LIMITS = ("p_only", "all_p")


def limits(
    y: np.ndarray, x1: np.ndarray, p_only: int, test_y: np.ndarray, test_x1: np.ndarray
) -> dict[str, float | None]:
    """Test accuracy of logistic regression on x1, trained on few and on all examples that have it.

    S can learn from the first ``p_only`` examples only, about d/2 of them; L-S learns from all.

    Args:
        y: labels of the examples with a P part, P-only first, shape (n_p,).
        x1: their P part, shape (n_p, d).
        p_only: how many have P alone.
        test_y: labels of the fresh points, shape (t,).
        test_x1: their P part, shape (t, d).

    Returns:
        ``p_only`` and ``all_p``, as fractions; None where the examples are not of both labels.
    """
    sets = dict(zip(LIMITS, (slice(p_only), slice(None)), strict=True))
    return {
        name: linear_accuracy(y[rows], x1[rows], test_y, test_x1) for name, rows in sets.items()
    }


def linear_accuracy(
    y: np.ndarray, x1: np.ndarray, test_y: np.ndarray, test_x1: np.ndarray
) -> float | None:
    """Accuracy on the test points of logistic regression (scikit-learn, C = 1) on x1.

    Shapes as in ``limits``. None where the training labels are all the same.
    """
    # Here, because it takes a second to load, and a run can start without it
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(y)) < 2:
        return None
    fitted = LogisticRegression(max_iter=1000).fit(np.asarray(x1, float), y)
    return float(fitted.score(np.asarray(test_x1, float), test_y))
