"""Chapter 0: the learning rate above which gradient descent on a linear model diverges."""

import numpy as np
import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_largest_rate(x):
    """The learning rate above which gradient descent diverges, a scalar tensor. x (N, D): features of a
    linear model with an intercept, whose loss is the mean squared error."""
    columns = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (N, D + 1), the ones for the intercept
    hessian = 2 / len(x) * columns.T @ columns
    return 2 / torch.linalg.eigvalsh(hessian)[-1]  # they come in ascending order


def by_numpy(x):
    """The same by NumPy's spectral norm, in float64."""
    columns = np.column_stack([x.double().numpy(), np.ones(len(x))])
    return torch.tensor(len(x) / np.linalg.norm(columns, 2) ** 2, dtype=x.dtype)


def draw(rng, N, D, mean=0.0, scale=1.0, dtype=torch.float64):
    """A case; each feature has its own scale, and all are shifted."""
    return (scale * torch.linspace(1, 2, D, dtype=dtype) * (mean + normal(rng, N, D, dtype=dtype)),)


largest_rate = Exercise(
    my_largest_rate,
    reference=by_numpy,
    draw=draw,
    by_hand=[
        ([[3.0], [-3.0]],),  # eigenvalues 18 and 2, so 1/9
        ([[2.0]],),
        ([[1.0, -1.0], [-1.0, 1.0], [2.0, -2.0], [-2.0, 2.0]],),  # two features that mirror each other
        ([[0.1], [0.2], [-0.1]],),  # small features: the intercept's curvature is the largest
        ([[0.0, 0.0], [0.0, 0.0]],),  # nothing but the intercept
        ([[1500.0], [850.0], [2400.0]],),  # areas
        ([[1e5], [-5e4], [2e5]],),
        # two features of almost the same curvature
        ([[3.0, 3.001], [3.0, -3.001], [-3.0, -3.001], [-3.0, 3.001]],),
    ],
    sizes=[
        dict(N=5, D=2),
        dict(N=5, D=3, mean=2.0),
        dict(N=6, D=1, mean=1.0, dtype=torch.float32),
        dict(N=7, D=4, mean=-1.0, scale=3.0, dtype=torch.float32),
        dict(N=40, D=2, mean=0.5, scale=0.3),
        dict(N=3, D=40),  # more features than examples
        dict(N=1100, D=1, mean=1.0),
    ],
    spans=dict(N=(6, 9), D=(1, 4), mean=(-1.0, 1.0), scale=(0.1, 5.0)),
    hints="""
        Write down what one step does to the distance from the bottom along one eigenvector: by which factor
        is it multiplied, and when does it grow? The intercept is a weight too, of which feature?

        Put a column of ones beside x and call the result A: the matrix of second derivatives is (2/N) AᵀA.
        The distance along an eigenvector is multiplied by 1 - lr λ, so it shrinks while lr λ < 2. Which
        eigenvalue is the first to break this?

        This is the line itself: `2 / torch.linalg.eigvalsh(2 / len(x) * A.T @ A)[-1]` with `A = torch.cat([x,
        torch.ones_like(x[:, :1])], dim=1)`.
    """,
    special="""
        iterated: len(x) == 4
            Right but where two eigenvalues are almost equal, or the start of an iteration lies at right
            angles to the answer: begin at random and go on until nothing changes, or use `eigvalsh`.
        many: len(x) > 500
            Right but for many examples: is there a limit?
    """,
    wrong="""
        without_the_intercept: torch.cat([x, torch.ones_like(x[:, :1])], dim=1) → x
            You leave the intercept out: it is a weight whose feature is always 1, so x gets a column of ones.
        one_by_the_eigenvalue: return 2 → return 1
            1/λ goes to the bottom in one step; beyond it the steps overshoot, but still shrink up to 2/λ.
        factor_2_forgotten: 2 / len(x) → 1 / len(x)
            The second derivative of a square is 2: without a ½ in the loss the Hessian is (2/N) AᵀA.
        smallest_eigenvalue: [-1] → [0]
            You take the smallest eigenvalue: along the steepest direction the steps then grow. The largest
            one sets the limit.
        trace: [-1] → .sum()
            You divide by the sum of the eigenvalues, the trace: that is a safe rate, but only the largest
            eigenvalue sets the limit.
        sums_of_rows: torch.linalg.eigvalsh(hessian)[-1] → hessian.abs().sum(0).max()
            You divide by the largest sum of a row, a bound from above: the limit is the eigenvalue itself.
        intercept_apart: eigvalsh(hessian)[-1] → eigvalsh(2 / len(x) * x.T @ x)[-1].clamp(min=2)
            You look at the intercept by itself: features whose mean is not 0 are tied to it, and the matrix
            with a column of ones tells how.
        mean_over_features: 2 / len(x) → 2 / columns.shape[1]
            You divide by the number of features: the mean runs over the N examples.
        one_example_less: return 2 → return (1 - 1 / len(x)) * 2
            You divide by N - 1, as for an estimated variance: the loss is a mean over N.
        largest_on_the_diagonal: torch.linalg.eigvalsh(hessian)[-1] → hessian.diagonal().max()
            You divide by the largest second derivative along one weight: features that go together make a
            steeper direction than any of them, which only the eigenvalues tell.
        frobenius_norm: torch.linalg.eigvalsh(hessian)[-1] → hessian.norm()
            You divide by the root of the sum of all squared entries, `norm()` of a matrix: the largest
            eigenvalue is `matrix_norm(..., ord=2)`.
        best_rate: [-1] → [[0, -1]].sum()
            2/(λ_min + λ_max) is the rate that converges fastest: the limit is 2/λ_max.
        singular_value_not_squared: return 2 → return len(x)
        and: eigvalsh(hessian)[-1] → svdvals(columns)[0]
            The eigenvalues of AᵀA are the squares of the singular values of A: you do not square.
        single_examples: 2 / torch.linalg.eigvalsh(hessian)[-1] → 1 / columns.square().sum(1).max()
            You take the longest example alone, as for steps on one example at a time: the gradient is a mean
            over all of them.
        eigenvalue_returned: return 2 / → return
            You return the largest eigenvalue, the curvature: the rate is 2 divided by it.
        centred: cat([x, → cat([x - x.mean(0),
            You subtract the means of the features: that changes the model's bowl, which is a good thing to do
            before training, but the rate is asked for x as it is.
        covariance: torch.cat([x, torch.ones_like(x[:, :1])], dim=1) → x - x.mean(0)
            You use the covariance of the features, which belongs to centred features and no intercept: the
            Hessian is made of x as it is, and a column of ones.
    """,
)
