"""The one door for bytes: nothing from outside comes in but through here, and nothing bad passes.

Every transfer has a total deadline, every file a budget of tries; a wait that a service tells is kept; redirects stay
on the list; an answer counts only when it is whole, of the right kind, and the caller's check has decoded it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import ssl
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urljoin

import httpx

from sat_monitor import __version__
from sat_monitor.core.clock import Clock, system_clock
from sat_monitor.core.errors import SatMonitorError, SceneReject, ServiceError
from sat_monitor.imagery.login import Login
from sat_monitor.imagery.retry import Budget, Verdict, clock_error_s, told_wait_s, verdict_of, wait_s
from sat_monitor.imagery.service import Meter, Pace, Question, Service, check_address, public

_T = TypeVar("_T")

_KEPT = "nothing of this answer"
_HOPS = 5
#: Seconds without a byte after which a transfer is given up, and for a connection to stand.
_IDLE_S, _CONNECT_S = 60.0, 20.0
#: A service whose clock is off by more cannot prove when its certificate or its data are from.
_CLOCK_TOLERANCE_S = 3600.0
#: Failed files in a row after which a service is left alone until the next night.
_STRIKES = 2
#: What says that the service, not one file, is at fault; and what says so when it happens again.
_SHUT_BY = frozenset({"E1901", "E1902", "E1903", "E1904", "E1908"})
_STRIKE_BY = frozenset({"E1905", "E1906"})

# The library logs every URL; signed ones hold a key.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer on disk, there only while it is checked; header names are lower case."""

    path: Path
    size: int
    sha256: str
    headers: Mapping[str, str]

    def content(self) -> bytes:
        """All bytes."""
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class Errand(Generic[_T]):
    """A question and the check that turns its answer into something of use; the check raises SceneReject."""

    question: Question
    check: Callable[[Answer], _T]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a door needs of the machine: clocks, sleep, chance, trusted certificates and a folder for answers."""

    scratch: Path
    clock: Clock = system_clock
    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = random.random
    trust: ssl.SSLContext | None = None


class _TurnedAway(Exception):
    """A try that failed for now: the error to end with, and the seconds that the service told to wait."""

    def __init__(self, error: SatMonitorError, told_s: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.told_s = told_s


class Door:
    """Asks one service; what it learns about it (token, waits, that it is down) holds for as long as the door stands."""

    def __init__(
        self, service: Service, meter: Meter, machine: Machine, login: Login | None = None, budget: Budget | None = None
    ) -> None:
        self.service = service
        self._meter = meter
        self._machine = machine
        self._login = login
        self._budget = budget or Budget()
        self._pace = Pace(service, machine.now_s)
        self._login_lock = threading.Lock()
        self._shut: SatMonitorError | None = None
        self._strikes = 0

    def now(self) -> datetime:
        """The time on the machine's clock, UTC."""
        return self._machine.clock()

    def ask(self, question: Question, check: Callable[[Answer], _T]) -> _T:
        """The checked answer to one question; raises as `ask_all`."""
        return self.ask_all([Errand(question, check)])[0]

    def ask_all(
        self, errands: Sequence[Errand[_T]], progress: Callable[[int, int], None] = lambda done, total: None
    ) -> list[_T]:
        """The checked answers to all questions, in their order, as many at once as the service likes.

        `progress` hears how many of how many are done. Raises the first error: ServiceError E1901 to E1910, or the
        SceneReject of a check that refused the content time and again.
        """
        # In a thread of its own: the caller may be inside somebody's event loop.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._run_errands(errands, progress)).result()

    async def _run_errands(self, errands: Sequence[Errand[_T]], progress: Callable[[int, int], None]) -> list[_T]:
        places, done = asyncio.Semaphore(self.service.at_once), 0
        timeout = httpx.Timeout(min(_IDLE_S, self._budget.deadline_s), connect=_CONNECT_S)
        trust = self._machine.trust or _usual_trust()
        self._machine.scratch.mkdir(parents=True, exist_ok=True)
        async with httpx.AsyncClient(timeout=timeout, verify=trust, trust_env=False) as client:

            async def run(errand: Errand[_T]) -> _T:
                nonlocal done
                result = await self._patiently(client, errand, places)
                done += 1
                progress(done, len(errands))
                return result

            tasks = [asyncio.ensure_future(run(errand)) for errand in errands]
            try:
                return list(await asyncio.gather(*tasks))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _patiently(self, client: httpx.AsyncClient, errand: Errand[_T], places: asyncio.Semaphore) -> _T:
        """Try until it works, the budget is spent or the service says never."""
        refused = failed = 0
        while True:
            if self._shut is not None:
                raise self._shut
            try:
                result = await self._try(client, errand, places)
                self._strikes = 0
                return result
            except SceneReject as reject:
                refused += 1
                if refused >= self._budget.content_tries or not _may_differ_next_time(reject):
                    raise
                told = None
            except _TurnedAway as turned:
                failed += 1
                # A slow answer costs a whole deadline: patience with it is that for bad content.
                most = self._budget.content_tries if turned.error.code == "E1905" else self._budget.tries
                told = turned.told_s
                if failed >= most or (told or 0.0) > self._budget.longest_wait_s:
                    raise self._given_up(turned.error) from turned
            except ServiceError as error:
                raise self._given_up(error) from error
            pause = wait_s(self._budget, refused + failed - 1, told, self._machine.draw())
            if told is not None:
                self._pace.hold(pause)
            await self._machine.sleep(pause)

    def _given_up(self, error: SatMonitorError) -> SatMonitorError:
        self._strikes += error.code in _STRIKE_BY
        if self._shut is None and (error.code in _SHUT_BY or self._strikes >= _STRIKES):
            self._shut = error
        return error

    async def _try(self, client: httpx.AsyncClient, errand: Errand[_T], places: asyncio.Semaphore) -> _T:
        """One try: log in if need be, wait for the turn, transfer, check."""
        question = errand.question
        async with places:
            header = await self._authorized(client)
            with tempfile.TemporaryDirectory(dir=self._machine.scratch) as folder:
                path = Path(folder) / "answer"
                try:
                    answer = await self._transfer(client, question, header, path)
                except ServiceError as error:
                    if error.code != "E1904" or self._login is None:
                        raise
                    # One refresh: a token may end early. A second refusal is final.
                    self._login.forget(header)
                    answer = await self._transfer(client, question, await self._authorized(client), path)
                return await asyncio.to_thread(errand.check, answer)

    async def _authorized(self, client: httpx.AsyncClient) -> dict[str, str]:
        login = self._login
        if login is None:
            return {}
        await asyncio.to_thread(self._login_lock.acquire)
        try:
            header = login.header(self._machine.now_s())
            if header is None:
                with tempfile.TemporaryDirectory(dir=self._machine.scratch) as folder:
                    answer = await self._transfer(client, _token_question(login), {}, Path(folder) / "token")
                    login.take(answer.content(), self._machine.now_s())
                header = login.header(self._machine.now_s()) or {}
            return header
        finally:
            self._login_lock.release()

    async def _transfer(
        self, client: httpx.AsyncClient, question: Question, header: Mapping[str, str], path: Path
    ) -> Answer:
        """One answer, through redirects on the list; raises _TurnedAway or ServiceError."""
        for _ in range(_HOPS):
            check_address(question.url, self.service)
            step = await self._timed(client, question, header, path)
            if isinstance(step, Answer):
                return step
            question = replace(question, url=urljoin(question.url, step))
        raise ServiceError("E1907", f"{public(question.url)}: more than {_HOPS} redirects", _KEPT)

    async def _timed(
        self, client: httpx.AsyncClient, question: Question, header: Mapping[str, str], path: Path
    ) -> Answer | str:
        """One request within the rate, the quota and the deadline."""
        await self._turn(question)
        self._meter.charge(self.service.account, question.units)
        answer: Answer | str | None = None
        try:
            async with asyncio.timeout(self._budget.deadline_s):
                answer = await self._exchange(client, question, header, path)
            return answer
        except (TimeoutError, httpx.TimeoutException) as error:
            raise _TurnedAway(_late(question, self._budget)) from error
        except httpx.HTTPError as error:
            raise _broken(question, error) from error
        finally:
            if not isinstance(answer, Answer):
                self._meter.refund(self.service.account, question.units)

    async def _turn(self, question: Question) -> None:
        """Wait for a place in the rate, and again where a wait was told meanwhile."""
        wait = self._pace.take(question.units)
        while wait > 0:
            await self._machine.sleep(wait)
            wait = self._pace.held_s()

    async def _exchange(
        self, client: httpx.AsyncClient, question: Question, header: Mapping[str, str], path: Path
    ) -> Answer | str:
        headers = {
            "Accept-Encoding": "identity",
            "User-Agent": f"sat_monitor/{__version__}",
            **question.headers,
            **header,
        }
        async with client.stream(question.method, question.url, headers=headers, content=question.body) as response:
            verdict = verdict_of(response.status_code)
            if verdict is Verdict.REDIRECT and (question.body is None or response.status_code in (307, 308)):
                return str(response.headers.get("location", ""))
            if verdict is not Verdict.GOOD:
                raise self._no(question, response, verdict)
            self._check_head(question, response)
            return await _save(response, question, path)

    def _no(self, question: Question, response: httpx.Response, verdict: Verdict) -> Exception:
        what = f"{public(question.url)} answers {response.status_code}"
        # The convention is that of the service's own addresses, not of the token service beside it.
        in_ms = self.service.retry_after_ms and not (self._login and question.url == self._login.token_url)
        told = told_wait_s(response.headers, in_ms, self._machine.clock())
        if self._login is None and verdict in (Verdict.LOGIN, Verdict.QUOTA):
            # Nobody was asked who we are: it is this file that is not there for us.
            return ServiceError("E1910", what, _KEPT)
        if verdict is Verdict.LOGIN:
            return ServiceError("E1904", what, _KEPT)
        if verdict is Verdict.QUOTA:
            return ServiceError("E1902", f"{what}: {self.service.account}", _KEPT)
        if verdict is Verdict.WAIT:
            asks = "" if told is None else f" and asks to wait {told:.0f} s"
            return _TurnedAway(ServiceError("E1901", what + asks, _KEPT), told)
        if verdict is Verdict.LATER:
            return _TurnedAway(ServiceError("E1903", what, _KEPT), told)
        return ServiceError("E1910", what, _KEPT)

    def _check_head(self, question: Question, response: httpx.Response) -> None:
        """Refuse an answer by its header, before its bytes cost anything."""
        headers, where = response.headers, public(question.url)
        if clock_error_s(headers, self._machine.clock()) > _CLOCK_TOLERANCE_S:
            raise ServiceError("E1908", f"{where} says that it is {headers['date']}", _KEPT)
        if "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", ""):
            raise _TurnedAway(ServiceError("E1906", f"{where} sends an answer without an end", _KEPT))
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if question.media and kind not in question.media:
            raise SceneReject("E1104", f"{where} sends {kind or 'no type'} for {' or '.join(question.media)}", _KEPT)
        if headers.get("content-encoding", "identity") != "identity":
            raise SceneReject("E1104", f"{where} packs its answer, which was not asked for", _KEPT)


@lru_cache(maxsize=1)
def _usual_trust() -> ssl.SSLContext:
    """The certificates that the library trusts, read once: that costs as much as a small scene."""
    return httpx.create_ssl_context(trust_env=False)


def _may_differ_next_time(reject: SceneReject) -> bool:
    """Whether the same question may get a better answer: damaged, foreign or empty ones do."""
    return reject.temporary or reject.code in ("E1102", "E1105")


def _late(question: Question, budget: Budget) -> ServiceError:
    return ServiceError("E1905", f"{public(question.url)}: not whole within {budget.deadline_s:g} s", _KEPT)


def _broken(question: Question, error: httpx.HTTPError) -> Exception:
    """What a broken connection means; one that cannot be trusted is not tried again."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ServiceError("E1908", f"{public(question.url)}: {cause.verify_message}", _KEPT)
        cause = cause.__cause__ or cause.__context__
    return _TurnedAway(ServiceError("E1906", f"{public(question.url)}: {type(error).__name__}", _KEPT))


def _token_question(login: Login) -> Question:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Question(login.token_url, "POST", headers, login.form(), ("application/json",), most_bytes=1 << 16)


async def _save(response: httpx.Response, question: Question, path: Path) -> Answer:
    """Write the body, hashing it; one that is longer than allowed or shorter than told is no answer."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        async for part in response.aiter_raw():
            size += len(part)
            if size > question.most_bytes:
                what = f"{public(question.url)} sends more than {question.most_bytes} bytes"
                raise _TurnedAway(ServiceError("E1906", what, _KEPT))
            digest.update(part)
            file.write(part)
    told = response.headers.get("content-length")
    if told is not None and size != int(told):
        raise _TurnedAway(ServiceError("E1906", f"{public(question.url)}: {size} of {told} bytes", _KEPT))
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(path, size, digest.hexdigest(), headers)
