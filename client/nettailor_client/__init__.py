"""A client of NetTailor Server.

from nettailor_client import Client

with Client("http://127.0.0.1:8000") as client:
    print(client.predict("birds", "photo.jpg").labels)
"""

from nettailor_client.client import AsyncClient, Client
from nettailor_client.errors import ClientError, RequestRefused, ServiceUnreachable
from nettailor_client.patience import IMPATIENT, Patience

__all__ = ["IMPATIENT", "AsyncClient", "Client", "ClientError", "Patience", "RequestRefused", "ServiceUnreachable"]
