"""The one way to a Ray cluster, whatever is done on it."""

from __future__ import annotations

import os
from typing import Any

from dovetail.errors import DovetailError, MissingExtraError


def connected(address: str, refused: type[DovetailError] = DovetailError) -> tuple[Any, bool]:
    """Ray, connected to a cluster, and whether it was this call that connected it.

    Args:
        address: "local" for a cluster of this machine alone, "auto" for the one that runs here, or
            host:port.
        refused: what is raised if there is no cluster at the address.

    Raises:
        MissingExtraError: without ray.
        DovetailError: if there is no cluster at the address; as `refused`.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtraError("--ray", extra="ray") from None
    cluster: Any = ray
    if cluster.is_initialized():
        return cluster, False
    # Tasks without an accelerator leave its variables alone, as Ray will do by itself one day.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        cluster.init(
            address=address,
            log_to_driver=False,
            configure_logging=False,
            **({"include_dashboard": False} if address == "local" else {}),
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise refused(
            f"there is no Ray cluster at {address!r}: {error}. Start one with `ray start "
            f"--head`, or take --ray local"
        ) from None
    return cluster, True
