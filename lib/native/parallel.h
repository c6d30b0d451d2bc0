// A small pool of threads that divides loops. Ours rather than OpenMP's or OpenBLAS': theirs spin on a core for
// milliseconds after each loop, which on a small shared machine takes time from the JavaScript thread.
#pragma once
#include <cstdint>
#include <functional>

namespace tunelab {

int threadCount();
void setThreadCount(int threads);

// Calls body(begin, end, thread) for one contiguous part of [0, n) a thread: part boundaries depend only on n and the
// thread count. Stays on the calling thread when there are fewer than 2 * grain elements.
void parallelRanges(int64_t n, int64_t grain, const std::function<void(int64_t begin, int64_t end, int thread)>& body);

// Calls body(task, thread) for every task in [0, tasks), each taken by the next free thread: for tasks of unequal cost
// that write to disjoint places.
void parallelTasks(int64_t tasks, const std::function<void(int64_t task, int thread)>& body);

}  // namespace tunelab
