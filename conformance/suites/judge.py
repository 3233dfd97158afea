"""Runs public SCIM suites and judges what they found by gaps.toml: judge.py --bootstrap FILE [--verbose] [suite ...].

Each suite becomes a list of results under the names of its checks. A check that reports more than once under one name
has failed when one of the results has. Exit codes: 0 nothing unexpected, 1 an unlisted failure or a closed gap,
2 could not run.
"""

import argparse
import json
import random
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

GAPS = Path(__file__).with_name("gaps.toml")

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class Result(NamedTuple):
    """What a suite said of one check."""

    check: str
    outcome: str
    detail: str


class CouldNotRun(Exception):
    """A suite wrote no results, or the list of gaps is not one."""


def run_scim2_tester(base_url: str, token: str) -> list[Result]:
    """Runs scim2-tester by its library: its command names neither the resource type nor the attribute of a check."""
    # It fills attributes at random: a gap must not close because `true` was drawn where `true` is the default.
    random.seed(7644)
    headers = {"Authorization": f"Bearer {token}"}
    # An HTTP proxy of the environment has no way to a gateway on this machine.
    with Client(base_url=base_url, headers=headers, trust_env=False) as http:
        return [tester_result(found) for found in check_server(SyncSCIMClient(http))]


def tester_result(found: CheckResult) -> Result:
    """Names a result by its resource type, its check and, where it is about one, its attribute."""
    attribute = found.data.get("urn") if isinstance(found.data, dict) else None
    check = " ".join(str(part) for part in (found.resource_type, found.title, attribute) if part)
    # A deviation is a SHOULD that is not followed: it needs its reason as well.
    outcome = {
        Status.SUCCESS: PASSED,
        Status.COMPLIANT: PASSED,
        Status.ACCEPTABLE: PASSED,
        Status.SKIPPED: SKIPPED,
    }.get(found.status, FAILED)
    return Result(check, outcome, found.reason or "")


def run_scim_sanity(base_url: str, token: str) -> list[Result]:
    """Runs scim-sanity by its command, which writes its results as JSON."""
    probe = [sys.executable, "-m", "scim_sanity", "probe", base_url, "--token", token]
    run = subprocess.run(
        [*probe, "--strict", "--i-accept-side-effects", "--json-output"], capture_output=True, text=True, check=False
    )
    try:
        found = json.loads(run.stdout)["results"]
    except (ValueError, KeyError) as error:
        raise CouldNotRun(f"scim-sanity wrote no results: {run.stderr or run.stdout}") from error
    outcomes = {"pass": PASSED, "skip": SKIPPED}
    return [Result(one["name"], outcomes.get(one["status"], FAILED), one.get("message", "")) for one in found]


SUITES: dict[str, Callable[[str, str], list[Result]]] = {
    "scim2-tester": run_scim2_tester,
    "scim-sanity": run_scim_sanity,
}


def read_gaps() -> dict[str, dict[str, str]]:
    """The reason of each check that is known to fail, by suite."""
    gaps: dict[str, dict[str, str]] = {suite: {} for suite in SUITES}
    for gap in tomllib.loads(GAPS.read_text(encoding="utf-8")).get("gap", []):
        if set(gap) != {"suite", "checks", "reason"} or gap["suite"] not in gaps or not gap["reason"].strip():
            raise CouldNotRun(f"{GAPS.name}: a gap has a known suite, its checks and a reason: {gap}")
        for check in gap["checks"]:
            if check in gaps[gap["suite"]]:
                raise CouldNotRun(f"{GAPS.name}: {gap['suite']}: {check!r} is listed twice")
            gaps[gap["suite"]][check] = gap["reason"]
    return gaps


def judge(suite: str, results: list[Result], gaps: dict[str, str], verbose: bool) -> bool:
    """Prints what is unexpected and the score; whether there was nothing unexpected."""
    for check, outcome, detail in results:
        if outcome == FAILED and check not in gaps:
            print(f"FAILED {suite}: {check}: {detail}")
        elif outcome == FAILED and verbose:
            print(f"gap    {suite}: {check}: {gaps[check]}")
        elif outcome == SKIPPED or verbose:
            print(f"{outcome} {suite}: {check}: {detail}")
    failed = {result.check for result in results if result.outcome == FAILED}
    ran = {result.check for result in results}
    for check in gaps.keys() - failed:
        fate = "passes" if check in ran else "was not run"
        print(f"FAILED {suite}: {check}: is listed in {GAPS.name} and {fate}: take its entry away")
    count = {kind: sum(one.outcome == kind for one in results) for kind in (PASSED, FAILED, SKIPPED)}
    unlisted = sum(one.outcome == FAILED and one.check not in gaps for one in results)
    print(
        f"{suite} gave {count[PASSED]} passes, {count[FAILED]} failures ({count[FAILED] - unlisted} of them listed in "
        f"{GAPS.name} with a reason) and {count[SKIPPED]} skips"
    )
    return failed == gaps.keys()


def main() -> int:
    """Runs the suites that were asked for, all of them by default."""
    arguments = argparse.ArgumentParser(prog="conformance/suites/run")
    arguments.add_argument("--bootstrap", type=Path, required=True, help=argparse.SUPPRESS)
    arguments.add_argument("--verbose", action="store_true", help="names the checks that pass, and the gaps with their reasons")
    arguments.add_argument("suites", nargs="*", metavar="suite", help=f"of {', '.join(SUITES)}; all without")
    asked = arguments.parse_args()
    unknown = set(asked.suites) - SUITES.keys()
    if unknown:
        arguments.error(f"there is no suite {', '.join(sorted(unknown))}")
    bootstrap = json.loads(asked.bootstrap.read_text(encoding="utf-8"))
    try:
        gaps = read_gaps()
        expected = True
        for suite in asked.suites or SUITES:
            results = SUITES[suite](bootstrap["scim_base_url"], bootstrap["scim_token"])
            if not results:
                raise CouldNotRun(f"{suite} checked nothing")
            expected &= judge(suite, results, gaps[suite], asked.verbose)
    except CouldNotRun as error:
        print(f"conformance/suites/run: {error}", file=sys.stderr)
        return 2
    return 0 if expected else 1


if __name__ == "__main__":
    sys.exit(main())
