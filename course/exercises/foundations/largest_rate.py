"""Chapter 0, exercise: the learning rate above which gradient descent on a linear model diverges."""

import numpy as np
import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_largest_rate(x):
    """The learning rate above which gradient descent diverges, a tensor of no axes. x (N, D): features of a
    linear model with an intercept, whose loss is the mean squared error."""
    raise NotImplementedError


def solve_largest_rate(x):
    """The learning rate above which gradient descent diverges, a tensor of no axes. x (N, D): features of a
    linear model with an intercept, whose loss is the mean squared error."""
    columns = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (N, D + 1), the ones for the intercept
    hessian = 2 / len(x) * columns.T @ columns
    return 2 / torch.linalg.eigvalsh(hessian)[-1]  # they come in ascending order


def rate_by_singular_values(x):
    """The same: the eigenvalues of a matrix times its transpose are the squares of its singular values."""
    columns = torch.hstack((torch.ones(len(x), 1, dtype=x.dtype), x))
    return x.shape[0] / torch.linalg.svdvals(columns).max() ** 2


def rate_by_examples(x):
    """The same from the products of the examples with each other, (N, N), which has the same largest
    eigenvalue."""
    return len(x) / torch.linalg.eigvalsh(x @ x.T + 1).max()


def rate_by_autograd(x):
    """The same with the Hessian from autograd, at any weights and targets."""

    def loss(theta):
        return (x @ theta[:-1] + theta[-1]).square().mean()

    hessian = torch.autograd.functional.hessian(loss, torch.zeros(x.shape[1] + 1, dtype=x.dtype))
    return 2 / torch.linalg.matrix_norm(hessian, ord=2)


def rate_by_blocks(x):
    """The same with the Hessian put together from means."""
    mean = x.mean(0)
    top = torch.cat([x.T @ x / len(x), mean[:, None]], dim=1)
    bottom = torch.cat([mean, torch.ones_like(mean[:1])])
    return 1 / torch.linalg.eigvalsh(torch.vstack([top, bottom[None]])).amax()


def by_numpy(x):
    """The reference: NumPy's spectral norm, in float64."""
    columns = np.column_stack([x.double().numpy(), np.ones(len(x))])
    return torch.tensor(len(x) / np.linalg.norm(columns, 2) ** 2, dtype=x.dtype)


def extended(x):
    """x with a column of ones, (N, D + 1)."""
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)


def spectrum(columns):
    """The eigenvalues of the Hessian of a linear model with these columns, ascending."""
    return torch.linalg.eigvalsh(2 / len(columns) * columns.T @ columns)


def wrong(name, diagnosis, rate):
    """A misconception: another rate, a function of the features with the column of ones."""
    return Misconception(name, diagnosis, lambda x: rate(extended(x)))


def features(rng, n, d, dtype=torch.float64, mean=0.0, scale=1.0):
    """A case of n examples with d features; each has its own scale, and all are shifted."""
    scales = torch.linspace(1, 2, d, dtype=dtype) * scale
    return ((normal(rng, n, d, dtype=dtype) + mean) * scales,)


def wide_features(rng):
    """One valid case of small random sizes."""
    dtype, d = rng.choice((torch.float32, torch.float64)), rng.randint(1, 4)
    return features(rng, d + rng.randint(2, 5), d, dtype, rng.uniform(-1, 1), 10 ** rng.uniform(-1, 0.7))


def listed(*rows):
    """A case from rows of numbers."""
    return (torch.tensor(rows, dtype=torch.float64),)


largest_rate = Exercise(
    name="largest_rate",
    title="the largest learning rate",
    difficulty="medium",
    minutes=20,
    task="""
        A linear model $\\hat y = x^\\top w + b$ is trained by plain gradient descent on its mean squared
        error, without a factor ½; the intercept $b$ is trained too. From the features `x` $(N, D)$ alone,
        return the learning rate above which descent diverges and below which it converges: a tensor of no
        axes, of the type of `x`. The targets have no say.

        The loss is a bowl: along an eigenvector of its matrix of second derivatives, with the eigenvalue
        $\\lambda$, the slope is $\\lambda$ times the distance from the bottom.

        By hand first: $D = 1$, $x = (3, -3)$. What are the eigenvalues, and the rate?
    """,
    stub_function=my_largest_rate,
    reference=by_numpy,
    cases=lambda rng: [
        listed([3.0], [-3.0]),  # by hand: eigenvalues 18 and 2, so 1/9
        listed([2.0]),  # N = 1
        listed([1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]),  # two features that mirror each other
        listed([0.1], [0.2], [-0.1]),  # small features: the intercept's curvature is the largest
        listed([0.0, 0.0], [0.0, 0.0]),  # nothing but the intercept
        listed([1500.0], [850.0], [2400.0]),  # areas
        features(rng, 5, 2),
        features(rng, 5, 3, torch.float64, 2.0),
        features(rng, 6, 1, torch.float32, 1.0),
        features(rng, 7, 4, torch.float32, -1.0, 3.0),
        features(rng, 40, 2, torch.float64, 0.5, 0.3),
        *(wide_features(rng) for _ in range(5)),
    ],
    wide=wide_features,
    hints=(
        "Write down what one step does to the distance from the bottom along one eigenvector: by which "
        "factor is it multiplied, and when does it grow? The intercept is a weight too, of which feature?",
        "Put a column of ones beside x and call the result A: the matrix of second derivatives is (2/N) AᵀA. "
        "The distance along an eigenvector is multiplied by 1 - lr λ, so it shrinks while lr λ < 2. Which "
        "eigenvalue is the first to break this?",
        "`2 / torch.linalg.eigvalsh(2 / len(x) * A.T @ A)[-1]` with `A = torch.cat([x, "
        "torch.ones_like(x[:, :1])], dim=1)`.",
    ),
    solution_function=solve_largest_rate,
    alternatives=(rate_by_singular_values, rate_by_examples, rate_by_autograd, rate_by_blocks),
    misconceptions=(
        Misconception(
            "without_the_intercept",
            "You leave the intercept out: it is a weight whose feature is always 1, so x gets a column of "
            "ones.",
            lambda x: 2 / spectrum(x)[-1],
        ),
        wrong(
            "one_by_the_eigenvalue",
            "1/λ goes to the bottom in one step; beyond it the steps overshoot, but still shrink up to 2/λ.",
            lambda a: 1 / spectrum(a)[-1],
        ),
        wrong(
            "factor_2_forgotten",
            "The second derivative of a square is 2: without a ½ in the loss the Hessian is (2/N) AᵀA.",
            lambda a: 4 / spectrum(a)[-1],
        ),
        wrong(
            "sum_for_mean",
            "Your Hessian is that of the sum of squares: the loss is their mean, so divide by N.",
            lambda a: 2 / (len(a) * spectrum(a)[-1]),
        ),
        wrong(
            "plain_product",
            "Your Hessian is AᵀA, that of half the sum of squares: that of their mean is (2/N) AᵀA.",
            lambda a: 4 / (len(a) * spectrum(a)[-1]),
        ),
        wrong(
            "smallest_eigenvalue",
            "You take the smallest eigenvalue: along the steepest direction the steps then grow. The largest "
            "one sets the limit.",
            lambda a: 2 / spectrum(a)[0],
        ),
        wrong(
            "trace",
            "You divide by the sum of the eigenvalues, the trace: that is a safe rate, but only the largest "
            "eigenvalue sets the limit.",
            lambda a: 2 / spectrum(a).sum(),
        ),
        wrong(
            "largest_on_the_diagonal",
            "You divide by the largest second derivative along one weight: features that go together make a "
            "steeper direction than any of them, which only the eigenvalues tell.",
            lambda a: len(a) / a.square().sum(0).max(),
        ),
        wrong(
            "frobenius_norm",
            "You divide by the root of the sum of all squared entries, `norm()` of a matrix: the largest "
            "eigenvalue is `matrix_norm(..., ord=2)`.",
            lambda a: 2 / spectrum(a).norm(),
        ),
        wrong(
            "best_rate",
            "2/(λ_min + λ_max) is the rate that converges fastest: the limit is 2/λ_max.",
            lambda a: 2 / (spectrum(a)[0] + spectrum(a)[-1]),
        ),
        wrong(
            "singular_value_not_squared",
            "The eigenvalues of AᵀA are the squares of the singular values of A: you do not square.",
            lambda a: len(a) / torch.linalg.svdvals(a)[0],
        ),
        wrong(
            "single_examples",
            "You take the longest example alone, as for steps on one example at a time: the gradient is a "
            "mean over all of them.",
            lambda a: 1 / a.square().sum(1).max(),
        ),
        wrong(
            "eigenvalue_returned",
            "You return the largest eigenvalue, the curvature: the rate is 2 divided by it.",
            lambda a: spectrum(a)[-1],
        ),
        Misconception(
            "centred",
            "You subtract the means of the features: that changes the model's bowl, which is a good thing to "
            "do before training, but the rate is asked for x as it is.",
            lambda x: 2 / spectrum(extended(x - x.mean(0)))[-1],
        ),
        Misconception(
            "covariance",
            "You use the covariance of the features, which belongs to centred features and no intercept: the "
            "Hessian is made of x as it is, and a column of ones.",
            lambda x: 2 / spectrum(x - x.mean(0))[-1],
        ),
    ),
)
