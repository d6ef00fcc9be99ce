"""One episode: a deployment under load and faults, drained, restored and written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from tests.fault.drafts import Draft
from tests.fault.evidence import LOG_TOPIC, Evidence
from tests.fault.faults import Faults
from tests.fault.rig import LATENESS_MS, PARTITIONS, Rig
from tests.fault.schedule import Fault
from tests.fault.taking import take_topics, take_view, view_is_current

_log = logging.getLogger(__name__)

_CALM_S = 2.0
_VIEW_TIMEOUT_S = 60.0
_POLL_S = 0.1
_DAY_MS = 86_400_000
_DAYS_AHEAD = (1, 8, 31, 95, 400)


class Episode:
    """A deployment under faults.

    Args:
        rig: not yet entered.
        plan: the faults.
    """

    def __init__(self, rig: Rig, plan: Sequence[Fault]) -> None:
        self._rig = rig
        self._plan = plan
        self._faults = Faults(rig, rig.seed)

    async def run(self) -> Evidence:
        """The whole episode; what it left behind, which is also kept in the folder."""
        rig, watch = self._rig, self._rig.watch
        _log.info("episode of seed %s, logs in %s", rig.seed, rig.folder)
        for fault in self._plan:
            _log.info("planned  %s", fault)
        async with rig:
            await rig.start()
            await asyncio.sleep(_CALM_S)
            await self._faults.run(self._plan)
            await asyncio.to_thread(rig.cluster.heal)
            await rig.load.pause()
            healed_s = watch.now_s
            drained_s = await rig.drained()
            restored_s = await self._prove_the_state()
            await self._settle_the_view()
            evidence = await self._evidence(healed_s, drained_s, restored_s)
        evidence.save(rig.folder / "evidence")
        return evidence

    async def _prove_the_state(self) -> float | None:
        """Let one fresh worker restore everything, and bring out what it believes.

        Time then passes far, so that it must tell of every customer what becomes of them.
        """
        rig, load = self._rig, self._rig.load
        await rig.stop_workers()
        rig.place("fresh").want()
        if not await rig.ready("fresh"):
            return None
        restored_s = rig.watch.now_s
        await load.send(load.traffic.probes(rig.watch.now_ms))
        await load.pause()
        if await rig.drained() is None:
            return None
        for days in _DAYS_AHEAD:
            at_ms = rig.watch.now_ms + days * _DAY_MS
            tick = b'{"type":"clock.tick","at":%d}' % at_ms
            await load.send(
                Draft(LOG_TOPIC, tick, None, "tick", partition=number)
                for number in range(PARTITIONS)
            )
        await load.pause()
        return restored_s if await rig.drained() is not None else None

    async def _settle_the_view(self) -> None:
        """Stop the worker, and wait until the view has every profile there is."""
        rig = self._rig
        await rig.stop_workers()
        deadline_s = rig.watch.now_s + _VIEW_TIMEOUT_S
        while not await self._view_is_current():
            if rig.watch.now_s > deadline_s:
                _log.error("%6.1f s  the view does not catch up", rig.watch.now_s)
                break
            await asyncio.sleep(_POLL_S)
        await rig.place("projector").stop()

    async def _view_is_current(self) -> bool:
        rig = self._rig
        sample = await rig.sampler.take()
        return sample is not None and await asyncio.to_thread(
            view_is_current, rig.redis.url, rig.redis_prefix, sample.ends
        )

    async def _evidence(
        self, healed_s: float, drained_s: float | None, restored_s: float | None
    ) -> Evidence:
        rig = self._rig
        servers = rig.cluster.bootstrap_servers
        return Evidence(
            seed=rig.seed,
            prefix=rig.prefix,
            app_id=rig.app_id,
            partitions=PARTITIONS,
            mode="live",
            allowed_lateness_ms=LATENESS_MS,
            policies=rig.policies,
            topics=await take_topics(servers, rig.names, PARTITIONS),
            sent=rig.load.sent(),
            redis=await asyncio.to_thread(take_view, rig.redis.url, rig.redis_prefix),
            samples=rig.sampler.samples,
            faults=sorted(self._faults.spans, key=lambda span: span.began_s),
            processes=rig.supervisor.lives(),
            clock_jumps=self._faults.clock_jumps,
            began_ms=rig.watch.began_ms,
            healed_s=healed_s,
            drained_s=drained_s,
            restored_s=restored_s,
        )
