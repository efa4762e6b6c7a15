"""Whether Redis is there: a look that takes a second at most, for readiness."""

import asyncio

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

PATIENCE_SECONDS = 1.0


async def absence(url: str) -> str | None:
    """Why Redis cannot be used now; None if it can. The connection is a new one: an old one may not know yet."""
    client = redis.asyncio.Redis.from_url(url, retry=Retry(NoBackoff(), 0))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await client.ping()  # refused by a Redis that loads its data, and by one that cannot write
    except TimeoutError:
        return f"no answer within {PATIENCE_SECONDS:g} s"
    except redis.BusyLoadingError:
        return "it is loading its data"
    except (redis.ConnectionError, OSError):  # whose text has a path in it, which is nobody's business
        return "it cannot be reached"
    except redis.RedisError as fault:
        return str(fault)
    finally:
        await client.aclose()
    return None
