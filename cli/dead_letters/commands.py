"""`tierstream dead-letters list` and `dead-letters replay`."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from cli.common import instant_ms
from cli.dead_letters.letter_text import json_line, text_line
from cli.dead_letters.replay import LetterReplay
from cli.errors import fail, one_sentence
from cli.sending import sending, until_interrupted
from config.settings import Settings, load_settings
from handlers.reasons import REASONS
from streams.dead_letters import Progress as OnProgress
from streams.dead_letters import Selection, letter_topics, read_letters
from streams.kafka.topics import DEAD_LETTERS, INPUT_TOPICS, topic_name
from streams.runtime.clock import wall_ms

dead_letters_app = typer.Typer(
    help="Records that could not be used: list them, send them again.", no_args_is_help=True
)

_Reasons = Annotated[
    list[str] | None, typer.Option("--reason", help="Only this reason; may be given repeatedly.")
]
_Topic = Annotated[
    str | None, typer.Option(help="Only dead letters from this input topic, such as orders.")
]
_Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only dead letters written at or after this time."),
]
_Until = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only dead letters written at or before this time."),
]
_Key = Annotated[str | None, typer.Option(help="Only records with this key, as upstream gave it.")]
_Limit = Annotated[int | None, typer.Option(min=1, help="At most this many dead letters.")]


@dead_letters_app.command("list")
def list_letters(  # noqa: PLR0913
    *,
    reason: _Reasons = None,
    source_topic: _Topic = None,
    since: _Since = None,
    until: _Until = None,
    key: _Key = None,
    limit: _Limit = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    payload: Annotated[
        bool, typer.Option("--payload", help="Show keys and values too: they are customer data.")
    ] = False,
) -> None:
    """List the records that could not be used with their reason, and count them by reason.

    The list goes through the partitions, each in the order of writing. Times are RFC 3339, such as
    2026-01-01T00:00:00Z. The counts include all matches, even beyond --limit.
    """
    with one_sentence():
        settings = load_settings()
        selection = _selection(settings, reason, source_topic, since, until, key)
        line = json_line if as_json else text_line
        counts: Counter[str] = Counter()

        async def show(on_progress: OnProgress) -> None:
            partitions = (await letter_topics(settings))[topic_name(settings, DEAD_LETTERS)]
            async for letter in read_letters(settings, partitions, on_progress):
                if selection.takes(letter):
                    counts[letter.reason] += 1
                    if limit is None or counts.total() <= limit:
                        typer.echo(line(letter, with_payload=payload))

        with _Bar() as bar:
            asyncio.run(show(bar.show))
    shown = "" if limit is None or limit >= counts.total() else f", {limit:,} of them shown"
    typer.echo(f"{counts.total():,} dead letters{shown}", err=as_json)
    _echo_counts(counts, err=as_json)


@dead_letters_app.command("replay")
def replay_letters(  # noqa: PLR0913
    *,
    reason: _Reasons = None,
    source_topic: _Topic = None,
    since: _Since = None,
    until: _Until = None,
    key: _Key = None,
    limit: _Limit = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing, show what would be sent.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Dead letters per second; without it, as fast as possible."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also those that were refused when replayed.")
    ] = False,
) -> None:
    """Send records that could not be used to their input topics again, each once.

    It does not send records that would be refused again under the policy in force, or that were
    replayed before: running it twice changes nothing. Run one at a time.
    """
    with sending():
        settings = load_settings()
        selection = _selection(settings, reason, source_topic, since, until, key)
        with _Bar() as bar:
            run = LetterReplay(
                settings,
                selection,
                now_ms=wall_ms(),
                again=again,
                limit=limit,
                dry_run=dry_run,
                per_second=rate,
                on_progress=bar.show,
            )
            ended = False
            try:
                ended = asyncio.run(_until_interrupted(run))
            finally:
                bar.stop()
                if ended or run.sent:
                    _echo_replay(run, dry_run=dry_run)
    if not ended:
        raise typer.Exit(130)


async def _until_interrupted(run: LetterReplay) -> bool:
    return await until_interrupted(run.run())


class _Bar:
    """A progress bar on a terminal, shown from the first update until the end."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Remove the bar."""
        self._progress.stop()

    def show(self, what: str, done: int, total: int) -> None:
        """Update the bar; a total of 0 is unknown."""
        self._progress.start()
        shown = what if total else f"{what}: {done:,}"
        self._progress.update(self._task, description=shown, completed=done, total=total or None)


def _selection(
    settings: Settings,
    reasons: list[str] | None,
    source_topic: str | None,
    since: str | None,
    until: str | None,
    key: str | None,
) -> Selection:
    for reason in reasons or ():
        if reason not in REASONS:
            fail(f"--reason {reason}: no such reason, they are {', '.join(REASONS)}")
    full_names = {topic_name(settings, name): name for name in INPUT_TOPICS}
    if source_topic in INPUT_TOPICS:
        source_topic = topic_name(settings, source_topic)
    if source_topic is not None and source_topic not in full_names:
        fail(f"--source-topic {source_topic}: no input topic, they are {', '.join(INPUT_TOPICS)}")
    return Selection(
        frozenset(reasons or ()),
        source_topic,
        instant_ms("--since", since),
        instant_ms("--until", until),
        None if key is None else key.encode("utf-8", "surrogateescape"),
    )


def _echo_replay(run: LetterReplay, *, dry_run: bool) -> None:
    typer.echo(f"{run.sent.total():,} dead letters {'would be ' if dry_run else ''}sent again")
    _echo_counts(run.sent)
    if run.kept:
        typer.echo(f"{run.kept.total():,} not sent")
        _echo_counts(run.kept)


def _echo_counts(counts: Counter[str], *, err: bool = False) -> None:
    for name, count in counts.most_common():
        typer.echo(f"  {count:>8,}  {name or 'no reason given'}", err=err)
