"""Settings of all tests: hypothesis judges results, never the speed of the machine; CI skips no data that is there."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

#: Read once: tests change the environment.
DATA = os.environ.get("ARCHSIM_DATA")
CI = os.environ.get("CI") == "true"

# CI tries the same examples every time, so that a change is judged by what it changes; others try new ones.
settings.register_profile("archsim", deadline=None, derandomize=CI)
settings.load_profile("archsim")


@pytest.fixture
def data_folder() -> Path:
    """The folder of the larger data sets; without one the test is skipped."""
    if not DATA:
        pytest.skip("ARCHSIM_DATA names no folder of data sets")
    return Path(DATA)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if CI and DATA and report.skipped and "ARCHSIM_DATA" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped for want of data, but ARCHSIM_DATA is {DATA}: {report.longrepr}"
    return report
