"""The collector for a registry of prometheus-client that a host serves itself."""

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ...host.access.metrics import MetricsSource
from .families import FAMILIES
from .family import LE, Family, Scrape


class RuntimeCollector(Collector):
    """Gives a registry the families of one runtime; those of its process, `process_...`, the registry has already."""

    def __init__(self, source: MetricsSource, has_targets: Callable[[], bool]) -> None:
        self._source = source
        self._has_targets = has_targets

    def describe(self) -> Iterator[Metric]:
        """Yields the families without series, by which a registry refuses a second runtime."""
        yield from map(_metric, FAMILIES)

    def collect(self) -> Iterator[Metric]:
        """Yields the families with their series. Blocks its thread as `Runtime.collector` says, and raises nothing."""
        scrape = Scrape.of(self._source.read_calmly(targets=self._has_targets()))
        for family in FAMILIES:
            metric = _metric(family)
            for end, values, value in family.series(scrape):
                names = (*family.labels, LE) if end == "_bucket" else family.labels
                metric.add_sample(f"{family.name}{end}", dict(zip(names, values, strict=True)), value)
            if metric.samples:
                yield metric


def _metric(family: Family) -> Metric:
    return Metric(family.name, family.help, family.kind)
