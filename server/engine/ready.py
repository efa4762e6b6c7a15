"""What a bundle becomes on the device: an adapter of the shared network, in memory of its own or in a slot; masks of
its weights; its blocks with the free weights filled; or a network of its own."""

from server.engine.adapters import Adapter
from server.engine.grouped.slots import SlottedAdapter
from server.engine.whole.masked import MaskedNetwork
from server.engine.whole.network import WholeNetwork
from server.engine.whole.packed import PackedNetwork

Ready = Adapter | SlottedAdapter | MaskedNetwork | PackedNetwork | WholeNetwork
