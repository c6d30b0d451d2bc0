#include "parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
static inline void pause() { _mm_pause(); }
#else
static inline void pause() { std::this_thread::yield(); }
#endif

namespace tunelab {

namespace {

// Some 20 microseconds: covers the gap between two loops of one op, not the gap between two ops. Most of it is spent
// yielding, so that on a busy machine the awaited thread gets the core.
constexpr int pauses = 100, spins = pauses + 50;
void spin(int turn) {
  if (turn < pauses)
    pause();
  else
    std::this_thread::yield();
}

class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {
    for (int i = 1; i < threads; i++) workers_.emplace_back([this, i] { work(i); });
  }

  ~Pool() {
    stop_ = true;
    wake();
    for (std::thread& worker : workers_) worker.join();
  }

  int size() const { return threads_; }

  // Runs job(thread) once on every thread, the caller's included, and returns when all are done.
  void run(const std::function<void(int)>& job) {
    job_ = &job;
    pending_.store(threads_ - 1, std::memory_order_relaxed);
    wake();
    guarded(0);
    for (int i = 0; pending_.load(std::memory_order_acquire) != 0; i++) {
      if (i < spins) {
        spin(i);
        continue;
      }
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, [this] { return pending_.load(std::memory_order_acquire) == 0; });
    }
    job_ = nullptr;
    if (error_) {
      std::exception_ptr error = error_;
      error_ = nullptr;
      std::rethrow_exception(error);
    }
  }

 private:
  void wake() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      round_.fetch_add(1, std::memory_order_release);
    }
    start_.notify_all();
  }

  void guarded(int thread) {
    try {
      (*job_)(thread);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  void work(int thread) {
    for (uint64_t seen = 0;;) {
      for (int i = 0; round_.load(std::memory_order_acquire) == seen; i++) {
        if (i < spins) {
          spin(i);
          continue;
        }
        std::unique_lock<std::mutex> lock(mutex_);
        start_.wait(lock, [&] { return round_.load(std::memory_order_acquire) != seen; });
      }
      seen = round_.load(std::memory_order_acquire);
      if (stop_) return;
      guarded(thread);
      if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        std::lock_guard<std::mutex> lock(mutex_);
        done_.notify_one();
      }
    }
  }

  const int threads_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  std::atomic<uint64_t> round_{0};
  std::atomic<int> pending_{0};
  std::atomic<bool> stop_{false};
  const std::function<void(int)>* job_ = nullptr;
  std::exception_ptr error_;
};

int wanted = 0;
// Held by whichever JavaScript thread runs an op; loops inside loops stay on their own thread.
std::mutex poolMutex;
thread_local bool insideLoop = false;

// Never destroyed at exit: its threads may outlive static destructors when the process ends.
Pool*& pool() {
  static Pool* instance = nullptr;
  return instance;
}

void runOnPool(const std::function<void(int)>& job) {
  std::lock_guard<std::mutex> lock(poolMutex);
  if (!pool() || pool()->size() != threadCount()) {
    delete pool();
    pool() = nullptr;
    pool() = new Pool(threadCount());
  }
  pool()->run([&](int thread) {
    insideLoop = true;
    struct Leave {
      ~Leave() { insideLoop = false; }
    } leave;
    job(thread);
  });
}

}  // namespace

int threadCount() {
  if (wanted == 0) wanted = std::max(1u, std::min(64u, std::thread::hardware_concurrency()));
  return wanted;
}

void setThreadCount(int threads) { wanted = std::max(1, std::min(64, threads)); }

void parallelRanges(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t, int)>& body) {
  if (n <= 0) return;
  const int64_t parts = std::min<int64_t>(threadCount(), n / std::max<int64_t>(1, grain));
  if (parts <= 1 || insideLoop) {
    body(0, n, 0);
    return;
  }
  runOnPool([&](int thread) {
    if (thread < parts) body(n * thread / parts, n * (thread + 1) / parts, thread);
  });
}

void parallelTasks(int64_t tasks, const std::function<void(int64_t, int)>& body) {
  if (tasks <= 1 || threadCount() == 1 || insideLoop) {
    for (int64_t task = 0; task < tasks; task++) body(task, 0);
    return;
  }
  std::atomic<int64_t> next{0};
  runOnPool([&](int thread) {
    for (int64_t task; (task = next.fetch_add(1)) < tasks;) body(task, thread);
  });
}

}  // namespace tunelab
