"""Draws drills of routes, and deaths amid digests, for the runs whose routes allow them."""

import msgspec
from watchkeeper.domain.specification.target import OWN_NAME
from watchkeeper.domain.suppression.router import name_of
from watchkeeper.domain.time.moment import NS_PER_S

from ..cases.case import Act, Case
from ..cases.faults import Fault
from ..cases.tape import Stream, Tape

DRILLS = ("drill", "drill", "drill", "drill despite holds", "end drill", "acknowledge")


def drilled(case: Case, tape: Tape, allowed: tuple[Fault, ...]) -> Case:
    """Returns the case with drawn drills, and with deaths amid digests. It has a stream of its own, so that all else of a seed stays."""
    stream = tape.stream("drills")
    routes, more = case.policy.routes, []
    acts = list(case.acts)
    if stream.below(2) and routes and Fault.DRILL in allowed:
        more.append(Fault.DRILL)
        names = tuple(name_of(route, at) for at, route in enumerate(routes))
        acts += [_act(stream, case.options.minutes, names) for _ in range(stream.between(1, 8))]
    if stream.below(2) and any(route.group_by for route in routes) and Fault.DIGEST_DEATH in allowed:
        more.append(Fault.DIGEST_DEATH)
    options = msgspec.structs.replace(case.options, faults=(*case.options.faults, *more))
    acts.sort(key=lambda act: act.at_ns)
    return msgspec.structs.replace(case, options=options, acts=tuple(acts))


def _act(stream: Stream, minutes: int, routes: tuple[str, ...]) -> Act:
    at_ns = stream.below(minutes * 60 * NS_PER_S)
    do, length_s = DRILLS[stream.below(len(DRILLS))], stream.between(5, 300)
    name = OWN_NAME if do == "acknowledge" else routes[stream.below(len(routes))]
    return Act(at_ns=at_ns, do=do, name=name, length_ns=0 if do == "acknowledge" else length_s * NS_PER_S)
