"""What a bundle becomes on the device: an adapter of the shared network, masks of its weights, or a network of its
own."""

from server.engine.adapters import Adapter
from server.engine.whole.masked import MaskedNetwork
from server.engine.whole.network import WholeNetwork

Ready = Adapter | MaskedNetwork | WholeNetwork
