"""Tickets with pictures, PDF and phone page: seconds, memory and the size of the largest PDF, from one run.

Each ticket is that of another site, drawn from a scene of its own; the parts say where the time goes. The limit is the
encoding of its four pictures.

    python benchmarks/tickets.py [--count 100]
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sat_monitor.tickets.snippets import encode_jpeg
from sat_monitor.tickets.ticket import RenderedTicket, TicketRequest, render_ticket, render_tickets
from tests.ticket_world import request

GOAL_S, GOAL_GIB, GOAL_BYTES = 12.0, 1.0, 600_000


def requests(count: int) -> list[TicketRequest]:
    """Tickets of different sites."""
    made = request()
    return [
        replace(made, site=replace(made.site, id=f"s-{n}"), ticket=replace(made.ticket, id=f"t-{n}", site_id=f"s-{n}"))
        for n in range(count)
    ]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        render_ticket(request(), Path(folder) / "warm")
        begun, processor = time.perf_counter(), time.process_time()
        jobs = ((one, Path(folder) / one.ticket.id) for one in requests(args.count))
        done = [rendered for _, rendered in render_tickets(jobs) if isinstance(rendered, RenderedTicket)]
        assert len(done) == args.count, "a ticket failed"
        wall, used = time.perf_counter() - begun, time.process_time() - processor
        pictures = [Image.open(path).convert("RGB") for path in sorted((Path(folder) / "warm").glob("*.jpg"))]
        largest = max((one.folder / "ticket.pdf").stat().st_size for one in done)
    begun = time.perf_counter()
    for _ in range(args.count):
        for picture in pictures:
            encode_jpeg(picture)
    limit = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{args.count} tickets: {wall:.1f} s, {used:.1f} s of processor time (goal {GOAL_S} for 100 on 2 cores)")
    print(f"memory: {memory:.2f} GiB (goal {GOAL_GIB}); largest PDF {largest:,} bytes (goal {GOAL_BYTES:,})")
    print(f"encoding their pictures once more: {limit:.1f} s, ratio {limit / wall:.2f}")


if __name__ == "__main__":
    main()
