"""Ray Client: the same actors, called through ray://, as a program on another machine does it."""

import peer
import ray_actors


class RayClient(ray_actors.Ray):
    absent = {"generator": "streaming methods are not supported when using Ray Client, it says"}

    def _address(self):
        return f"ray://127.0.0.1:{self._client_port}"


if __name__ == "__main__":
    peer.main(RayClient)
