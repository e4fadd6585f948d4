"""A whole Network as one hierarchical Process, with named ports."""

from lava.magma.core.decorator import implements
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_procs.processes.conv import ConvConnection
from lava_procs.processes.dense import DenseConnection
from lava_procs.processes.identity import IdentityConnection
from lava_procs.processes.layer import Layer
from lava_procs.processes.neurons import Neurons
from lava_procs.processes.pool import PoolConnection
from lava_procs.widths import width
from mapping import INPUT, Network


class NetworkProcess(AbstractProcess):
    """A Network of the contract as Lava Processes, exact.

    A population that one connection enters is a Layer; any other is Neurons, with a Process for
    each of its connections. All of them pass spikes on within one timestep.

    ``s_in`` takes one timestep of encoded input, (rows, *shape); ``s_out`` sends the spikes of
    the population that the network's read-out reads, ``v_out`` its membranes. ``probe(name)`` and
    ``probe(name, "v")`` are such ports of the populations that ``probes`` names.

    Args:
        network: every one whose widths are proved is taken.
        rows: samples side by side; None for one, without an axis of its own.
        steps: of a sample, by default the network's T; membranes start anew after as many.
        offset: Lava's timesteps before the first sample, what stands in front takes one each.
        probes: populations that get ports of their own.
        split: every connection is a Process of its own, Layers are none.
        trusted: what arrives is encoded input, and nobody looks.
        record: arrays of the session by population and "spikes" or "v"; see Neurons.
        progress: shared counters of the session by name of a Process.

    Raises
    ------
        ValueError: a population that does not exist; widths beyond what is proved.
    """

    def __init__(
        self,
        network: Network,
        rows: int | None = None,
        steps: int | None = None,
        offset: int = 0,
        probes: tuple = (),
        split: bool = False,
        trusted: bool = False,
        record: dict | None = None,
        progress: dict | None = None,
        name: str | None = None,
    ) -> None:
        steps = network.timesteps if steps is None else steps
        super().__init__(
            network=network,
            common={"rows": rows, "steps": steps, "offset": offset},
            probes=tuple(probes),
            split=split,
            trusted=trusted,
            record=record or {},
            progress=progress or {},
            name=name,
        )
        if not 1 <= steps <= network.timesteps:
            raise ValueError(
                f"steps must be 1 to {network.timesteps}, the network's T, not {steps}"
            )
        side = () if rows is None else (rows,)
        self.s_in = InPort(shape=(*side, *network.input.shape))
        out = (*side, *network.shapes[network.readout.source])
        self.s_out, self.v_out = OutPort(shape=out), OutPort(shape=out)
        for each in probes:
            if each not in network.shapes or each == INPUT:
                raise ValueError(f"probes name populations, and {each!r} is none of the network's")
            for what in ("spikes", "v"):
                setattr(self, f"{each}.{what}", OutPort(shape=(*side, *network.shapes[each])))

    def probe(self, population: str, what: str = "spikes") -> OutPort:
        """Return the port of a probed population: its "spikes", or "v", its membranes.

        Raises
        ------
            ValueError: it was not asked for in ``probes``.
        """
        port = self.__dict__.get(f"{population}.{what}")
        if not isinstance(port, OutPort):
            raise ValueError(f"there is no probe of {what!r} of {population!r}; name it in probes")
        return port


@implements(proc=NetworkProcess, protocol=LoihiProtocol)
class SubNetworkProcess(AbstractSubProcessModel):
    """NetworkProcess as Processes."""

    def __init__(self, proc: NetworkProcess) -> None:
        network, common = proc.proc_params["network"], proc.proc_params["common"]
        record, progress = proc.proc_params["record"], proc.proc_params["progress"]
        kinds = {
            "Conv": ConvConnection,
            "Dense": DenseConnection,
            "Identity": IdentityConnection,
            "Pool": PoolConnection,
        }
        entered, edges, built = [], [], {}
        for p in network.populations:
            shape, wide = network.shapes[p.name], width(network, p)
            whole = {**common, "narrow": wide.narrow, "record": record.get(p.name)}
            named = f"population {p.name!r}"
            if len(p.connections) == 1 and not proc.proc_params["split"]:
                (c,) = p.connections
                layer = Layer(
                    c,
                    p.neuron,
                    network.shapes[c.source],
                    wide.spans[0],
                    held=wide.held[0],
                    trusted=c.source != INPUT or proc.proc_params["trusted"],
                    progress=progress.get(named),
                    name=named,
                    **whole,
                )
                built[p.name] = layer
                entered.append((c.source, layer.s_in))
                continue
            neurons = Neurons(p.neuron, shape, progress=progress.get(named), name=named, **whole)
            built[p.name] = neurons
            for k, c in enumerate(p.connections):
                named = f"population {p.name!r}, connection {k} from {c.source!r}"
                edge = kinds[c.op.name](
                    c,
                    network.shapes[c.source],
                    wide.spans[k],
                    held=wide.held[k],
                    trusted=c.source != INPUT or proc.proc_params["trusted"],
                    narrow=wide.narrow,
                    progress=progress.get(named),
                    name=named,
                    **common,
                )
                edge.a_out.connect(neurons.a_in)
                edges.append(edge)
                entered.append((c.source, edge.s_in))
        for source, port in entered:
            if source == INPUT:
                proc.s_in.connect(port)
            elif network[source].spiking:
                built[source].s_out.connect(port)
            else:
                built[source].v_out.connect(port)
        last = built[network.readout.source]
        last.s_out.connect(proc.s_out)
        last.v_out.connect(proc.v_out)
        for name in proc.proc_params["probes"]:
            built[name].s_out.connect(proc.probe(name))
            built[name].v_out.connect(proc.probe(name, "v"))
        for k, process in enumerate((*built.values(), *edges)):
            setattr(self, f"process_{k}", process)  # where Lava looks for them
