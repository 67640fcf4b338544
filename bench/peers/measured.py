"""What every peer in Python says of itself: how long its work took, without the interpreter's start and its imports."""
import json
import resource
import time


class Stopwatch:
    def __init__(self):
        self.began, self.cpu = time.perf_counter(), self._cpu()

    @staticmethod
    def _cpu():
        u = resource.getrusage(resource.RUSAGE_SELF)
        return u.ru_utime + u.ru_stime

    def say(self, units, **more):
        print(json.dumps(dict(wall_s=time.perf_counter() - self.began, cpu_s=self._cpu() - self.cpu, units=units, more=more)))
