"""Equality of nested values: bit for bit, or up to rounding."""

import pytest
import torch


def assert_same(found, expected, where="value"):
    """Bit for bit, but for the time it took."""
    assert type(found) is type(expected), where
    if isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype and torch.equal(found, expected), where
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key in [key for key in expected if key != "seconds"]:
            assert_same(found[key], expected[key], f"{where}, {key}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), where
        for i, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{where}, {i}")
    else:
        assert found == expected, where


def assert_close(found, expected, where="value"):
    """Numbers of dicts and lists to rtol 1e-6, as several processes must agree with one in float64."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for name in expected:
            assert_close(found[name], expected[name], f"{where}, {name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        if expected and isinstance(expected[0], float):
            pair = (torch.tensor(numbers, dtype=torch.float64) for numbers in (found, expected))
            torch.testing.assert_close(*pair, rtol=1e-6, atol=1e-12, msg=lambda text: f"{where}: {text}")
        else:
            for i, value in enumerate(expected):
                assert_close(found[i], value, f"{where}, {i}")
    else:
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-12), where
