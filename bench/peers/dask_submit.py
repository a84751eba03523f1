"""Dask distributed: functions by `submit`, where others call an object's methods."""

import dask_actors
import peer
import work


class DaskSubmit(dask_actors.Dask):
    absent = {
        "generator": "a generator can't be pickled",
        "async_calls": "measured with Dask's actors",
        "by_name": "functions are sent, they have no name",
        "other_process": "functions are sent, they have no name",
    }

    def _make(self, name, kind):
        return name

    def _find(self, reference):
        return reference

    def _method(self, found, name):
        function = getattr(work, name)
        submit, scatter = self._client.submit, self._client.scatter
        if name == "length":  # large values are scattered first, says the documentation
            return lambda array: submit(function, scatter(array, hash=False), pure=False).result()
        return lambda *arguments: submit(function, *arguments, pure=False).result()

    def _together(self, found, name, arguments):
        return self._client.gather(self._client.map(getattr(work, name), arguments, pure=False))


if __name__ == "__main__":
    peer.main(DaskSubmit)
