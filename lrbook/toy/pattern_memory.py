r"""How non-linear the signal can get on Q while the noise sets the activation patterns.

With the noise at its stationary width, weights are V = signal + noise. The noise forgets at the
rate at which the signal decays: the correlation of a weight's noise now and n steps ago is
rho = (1 - eta lambda)^n, and the signal is the sum of past gradients times eta (1 - eta lambda)^n.
If patterns follow the noise alone and the pull on each ray stays what it is, N_V's signal part is
an integral over the past, in the unit u = eta lambda n:

    N_V(x_j) = 1/lambda sum_k G_k <x_j, x_k> int_0^inf exp(-u) P_jk(exp(-u)) du

where x_1..x_3 are the three rays, G_k the pull on ray k (minus the slope of the training loss
there), and P_jk(rho) = 1/4 + arcsin(rho cos(angle of x_j and x_k)) / (2 pi) the chance that a
neuron is active on x_j now and was on x_k then: Sheppard's formula for two Gaussians (1899).

A heuristic, not a theorem: it takes infinitely many neurons and a signal that moves no pattern.
"""

import itertools

import numpy as np

SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(120)


def kinked_share(r: float) -> float:
    """Share of isotropic neurons that change sign between z - zeta and z + zeta.

    The two rays are 2 arctan(r) apart, and a random hyperplane separates two directions with
    probability angle / pi.
    """
    return 2 * np.arctan(r) / np.pi


def memory(r: float, pull: np.ndarray) -> float:
    """N_V(z - zeta) + N_V(z + zeta) - 2 N_V(z) of the signal, times lambda; see the module's text.

    Args:
        r: ||zeta||, with ||z|| = 1; positive.
        pull: G on z - zeta, z and z + zeta, shape (3,), with inputs of these very lengths.
    """
    rays = np.stack([np.ones(3), r * np.array([-1.0, 0.0, 1.0])], axis=1)
    products = rays @ rays.T
    lengths = np.sqrt(np.diag(products))
    cosines = np.clip(products / np.outer(lengths, lengths), -1, 1)
    # u = t^2: the chance of having stayed in the wedge behaves like sqrt(u), so this is smooth
    pieces = [0.0, r, 8 * r, 7.0] if 8 * r < 7 else [0.0, 7.0]
    total = 0.0
    for low, high in itertools.pairwise(pieces):
        t = low + (high - low) * (_NODES + 1) / 2
        rho = np.exp(-(t**2))
        # the 1/4 of P_jk drops out: x_1 - 2 x_2 + x_3 = 0
        together = np.arcsin(rho[:, None, None] * cosines) / (2 * np.pi)
        per_node = np.einsum("j,k,jk,tjk->t", SECOND_DIFFERENCE, pull, products, together)
        total += (high - low) / 2 * float(_WEIGHTS @ (per_node * rho * 2 * t))
    return total


def balanced(r: float) -> float:
    """``memory`` per unit of pull once the linear part is fitted: the pulls add up to 0.

    Half of the pull is upwards on z, a quarter downwards on each neighbour. Falls like r^3; below
    r = 1e-4 the three terms that cancel leave rounding.
    """
    return abs(memory(r, np.array([-0.25, 0.5, -0.25])))


def one_sided(r: float) -> float:
    """``memory`` per unit of pull if all three rays pulled the same way. Falls like r^2."""
    return abs(memory(r, np.full(3, 1 / 3)))


def pull_on_q(
    q_only_loss: np.ndarray, both_loss: np.ndarray, q_only: float, both: float
) -> np.ndarray:
    """Mean size of the loss's slope over the examples that carry Q, times their share of all.

    The slope of log(1 + exp(-m)) is -(1 - exp(-loss)), so a loss tells it. For a mean loss this is
    an upper bound (Jensen), close where the examples of one kind are alike.

    Args:
        q_only_loss, both_loss: mean training losses of the two kinds.
        q_only, both: the shares of the two kinds.
    """
    return -q_only * np.expm1(-np.asarray(q_only_loss)) - both * np.expm1(-np.asarray(both_loss))


def predicted(r: float, lam: float, s: float, pull: np.ndarray) -> np.ndarray:
    """The signal's nonlinearity times s, to be compared with a history's column of that name.

    Args:
        r, lam, s: as in ``ToyConfig``.
        pull: as from ``pull_on_q``.
    """
    return s**2 / lam * balanced(r) * np.asarray(pull)


def noise_floor(r: float, tau0: float, s: float) -> float:
    """Standard deviation over time of the noise's own nonlinearity, times s.

    For a neuron with weights (a, b) along z and zeta / r it is v_i (|b| r - |a|)_+ up to a sign;
    with a, b ~ N(0, tau0^2) the mean of its square is 4 tau0^2 r^3 / (3 pi) / m, to leading order.
    """
    return s * tau0 * np.sqrt(4 * r**3 / (3 * np.pi))
