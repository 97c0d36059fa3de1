"""The same descent as ``lrbook.toy.descent``, as one would write it with NumPy or PyTorch.

Each peer has ``W`` (m_w, d), ``V`` (2, m_v) and ``run(steps)``. They do a little less than the
package: no annealing, no sums of the gradients' norms, no test that the loss is finite.
"""

from typing import NamedTuple

import numpy as np
import torch

GIVEN = 16  # arrays of noise that a loop with ``noise="given"`` uses in turn


class Task(NamedTuple):
    """What a peer is given, as NumPy float32 arrays and Python numbers; n_p and n_q examples have
    a P and a Q part.

    Attributes:
        y: labels, shape (n,).
        x1: P parts of the first n_p examples, shape (n_p, d).
        places: takes values on the rays to the last n_q examples, shape (3, n_q).
        rays: directions, shape (3, 2).
        x2: Q parts of all examples in R^d, shape (n, d), for the loops that do without rays.
        plane: orthonormal basis of the rays' plane, shape (2, d).
        W, V: initial weights, shapes (m_w, d) and (2, m_v).
        eta, lam_w, lam_v, tau_w, tau_v: rate, decays, standard deviations of the noise.
    """

    y: np.ndarray
    x1: np.ndarray
    places: np.ndarray
    rays: np.ndarray
    x2: np.ndarray
    plane: np.ndarray
    W: np.ndarray
    V: np.ndarray
    eta: float
    lam_w: float
    lam_v: float
    tau_w: float
    tau_v: float


def signs(m: int) -> np.ndarray:
    """The fixed output weights, shape (m,)."""
    return np.repeat(np.float32([1, -1]) / np.float32(np.sqrt(m)), m // 2)


class NumpyLoop:
    """On the three rays. ``noise``: "own" draws it at every step, "given" reuses a few arrays."""

    def __init__(self, task: Task, noise: str) -> None:
        self.task, self.noise = task, noise
        self.W, self.V = task.W.copy(), task.V.copy()
        self.x1_T, self.places_T = (np.ascontiguousarray(a.T) for a in (task.x1, task.places))
        self.w, self.v = signs(len(task.W)), signs(task.V.shape[1])
        self.random = np.random.default_rng(0)
        shape = (task.V.size + task.W.size,)
        self.bank = [self.random.standard_normal(shape, np.float32) for _ in range(GIVEN)]
        self.before_w = np.empty((len(task.W), len(task.x1)), np.float32)
        self.before_v = np.empty((3, task.V.shape[1]), np.float32)
        self.to_w, self.to_v = np.empty_like(self.before_w), np.empty_like(self.before_v)
        self.f = np.empty(len(task.y), np.float32)
        self.loss = np.nan

    def run(self, steps: int) -> None:
        t = self.task
        n, n_p, p_only = len(t.y), len(t.x1), len(t.y) - t.places.shape[1]
        eta, split = np.float32(t.eta), t.V.size
        for step in range(steps):
            np.matmul(self.W, self.x1_T, out=self.before_w)
            np.matmul(t.rays, self.V, out=self.before_v)
            self.f[n_p:] = 0
            np.maximum(self.before_w, 0, out=self.to_w)
            np.matmul(self.w, self.to_w, out=self.f[:n_p])
            np.maximum(self.before_v, 0, out=self.to_v)
            self.f[p_only:] += (self.to_v @ self.v) @ t.places

            losses = np.exp(-t.y * self.f)
            slope = -t.y * (losses / (1 + losses)) / np.float32(n)
            self.loss = np.log1p(losses).mean()

            np.greater(self.before_w, 0, out=self.to_w)
            self.to_w *= self.w[:, None]
            self.to_w *= slope[:n_p]
            np.greater(self.before_v, 0, out=self.to_v)
            self.to_v *= self.v
            on_rays = slope[p_only:] @ self.places_T
            toward_w = self.to_w @ t.x1
            toward_v = (t.rays * on_rays[:, None]).T @ self.to_v

            if self.noise == "own":
                self.random.standard_normal(dtype=np.float32, out=self.bank[0])
                xi = self.bank[0]
            else:
                xi = self.bank[step % GIVEN]
            parts = (xi[split:].reshape(t.W.shape), xi[:split].reshape(t.V.shape))
            for U, toward, lam, tau, part in (
                (self.W, toward_w, t.lam_w, t.tau_w, parts[0]),
                (self.V, toward_v, t.lam_v, t.tau_v, parts[1]),
            ):
                toward *= eta
                U *= 1 - eta * np.float32(lam)
                U -= toward
                np.multiply(part, eta * np.float32(tau), out=toward)
                U -= toward


class TorchLoop:
    """On the three rays, as ``NumpyLoop``."""

    def __init__(self, task: Task, noise: str) -> None:
        self.task, self.noise = task, noise
        # copies: NumPy's views of JAX arrays are read-only
        self.W, self.V = torch.tensor(task.W), torch.tensor(task.V)
        self.y, self.x1 = torch.tensor(task.y), torch.tensor(task.x1)
        self.places, self.rays = torch.tensor(task.places), torch.tensor(task.rays)
        self.x1_T = self.x1.T.contiguous()
        self.w = torch.tensor(signs(len(task.W)))
        self.v = torch.tensor(signs(task.V.shape[1]))
        self.random = torch.Generator().manual_seed(0)
        count = task.V.size + task.W.size
        self.bank = [torch.randn(count, generator=self.random) for _ in range(GIVEN)]
        self.f = torch.empty(len(task.y))
        self.loss = torch.tensor(torch.nan)

    @torch.inference_mode()
    def run(self, steps: int) -> None:
        t = self.task
        n, n_p, p_only = len(t.y), len(t.x1), len(t.y) - t.places.shape[1]
        split = t.V.size
        for step in range(steps):
            before_w = self.W @ self.x1_T
            before_v = self.rays @ self.V
            self.f[n_p:] = 0
            torch.mv(before_w.relu().T, self.w, out=self.f[:n_p])
            self.f[p_only:] += torch.mv(before_v.relu(), self.v) @ self.places

            margin = -self.y * self.f
            self.loss = torch.nn.functional.softplus(margin).mean()
            slope = margin.sigmoid_().mul_(self.y).mul_(-1 / n)

            to_w = torch.gt(before_w, 0, out=torch.empty_like(before_w))
            to_w.mul_(self.w[:, None]).mul_(slope[:n_p])
            to_v = torch.gt(before_v, 0, out=torch.empty_like(before_v)).mul_(self.v)
            on_rays = torch.mv(self.places, slope[p_only:])

            if self.noise == "own":
                xi = torch.randn(self.bank[0].shape, generator=self.random, out=self.bank[0])
            else:
                xi = self.bank[step % GIVEN]
            self.W.mul_(1 - t.eta * t.lam_w).addmm_(to_w, self.x1, alpha=-t.eta)
            self.W.add_(xi[split:].view(self.W.shape), alpha=-t.eta * t.tau_w)
            self.V.mul_(1 - t.eta * t.lam_v)
            self.V.addmm_((self.rays * on_rays[:, None]).T, to_v, alpha=-t.eta)
            self.V.add_(xi[:split].view(self.V.shape), alpha=-t.eta * t.tau_v)


class AutogradLoop:
    """PyTorch's autograd over all x2, as in the paper's formulas: no rays.

    With ``in_plane`` x2 and the weights on it are two coordinates; else all d, and as many normals.
    """

    def __init__(self, task: Task, in_plane: bool) -> None:
        self.task = task
        self.plane = torch.eye(2) if in_plane else torch.tensor(task.plane)
        self.y, self.x1 = torch.tensor(task.y), torch.tensor(task.x1)
        self.x2 = torch.tensor(task.x2 @ task.plane.T if in_plane else task.x2)
        self.w = torch.tensor(signs(len(task.W)))
        self.v = torch.tensor(signs(task.V.shape[1]))
        self.W = torch.tensor(task.W).requires_grad_()
        self.full = (torch.tensor(task.V).T @ self.plane).requires_grad_()  # (m_v, d or 2)
        self.loss = torch.tensor(torch.nan)
        self.random = torch.Generator().manual_seed(0)  # a check of the noise's size is no lottery

    @property
    def V(self) -> torch.Tensor:
        return self.plane @ self.full.detach().T

    def run(self, steps: int) -> None:
        t = self.task
        n, n_p = len(t.y), len(t.x1)
        weights = ((self.W, t.lam_w, t.tau_w), (self.full, t.lam_v, t.tau_v))
        for _ in range(steps):
            on_x1 = (self.x1 @ self.W.T).relu() @ self.w
            on_x2 = (self.x2 @ self.full.T).relu() @ self.v
            f = on_x2 + torch.nn.functional.pad(on_x1, (0, n - n_p))
            self.loss = torch.nn.functional.softplus(-self.y * f).mean()
            self.loss.backward()
            with torch.no_grad():
                for U, lam, tau in weights:
                    U.mul_(1 - t.eta * lam).sub_(U.grad, alpha=t.eta)
                    U.sub_(torch.randn(U.shape, generator=self.random), alpha=t.eta * tau)
                    U.grad = None
