#include "file_reader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace tunelab {

static std::string reason(int code) { return std::system_category().message(code) + "."; }

// Where a file ends, of which a read found nothing from byte `from` on: a piece may lie behind its end altogether.
static uint64_t endOfFile(int descriptor, uint64_t from) {
  struct stat status;
  const bool known = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  return known ? std::min(from, static_cast<uint64_t>(status.st_size)) : from;
}

struct FileReader::Range {
  Range(int descriptor, uint64_t offset, size_t bytes, std::unique_ptr<ReadTarget> target)
      : descriptor(dup(descriptor)), offset(offset), bytes(bytes), target(std::move(target)) {
    if (this->descriptor < 0) throw std::runtime_error("The file is not open: " + reason(errno));
  }
  ~Range() { close(descriptor); }

  // Reads one piece to where the target wants it.
  void transfer(int thread, size_t at, size_t count) {
    char* memory = target->place(thread, at, count);
    for (size_t done = 0; done < count;) {
      const uint64_t from = offset + at + done;
      const ssize_t got = pread(descriptor, memory + done, count - done, static_cast<off_t>(from));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw std::runtime_error(reason(errno));
      if (got == 0)
        throw std::runtime_error("the file ended at byte " + std::to_string(endOfFile(descriptor, from)) + " while it was read; expected " +
                                 std::to_string(offset + bytes) + " bytes.");
      done += static_cast<size_t>(got);
    }
    target->filled(thread, at, count);
  }

  const int descriptor;
  const uint64_t offset;
  const size_t bytes;
  std::unique_ptr<ReadTarget> target;
  // Guarded by the reader's mutex: where the next piece begins, pieces being read, and what went wrong first.
  size_t next = 0;
  int open = 0;
  std::string error;
};

void FileReader::work(int thread) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::shared_ptr<Range> range = waiting_.front();
    if (stopped_ && range->error.empty()) range->error = "the reading was stopped.";
    const size_t at = range->next;
    // What is left of a range that failed is not read.
    const size_t count = range->error.empty() ? std::min(pieceBytes_, range->bytes - at) : 0;
    range->next = range->error.empty() ? at + count : range->bytes;
    if (range->next == range->bytes) waiting_.pop_front();
    range->open++;
    lock.unlock();
    std::string error;
    try {
      if (count > 0) range->transfer(thread, at, count);
    } catch (const std::exception& thrown) {
      error = thrown.what();
    }
    lock.lock();
    if (range->error.empty()) range->error = error;
    if (--range->open > 0 || range->next < range->bytes) continue;
    lock.unlock();
    range->target.release()->finish(range->error);
    lock.lock();
  }
}

FileReader::FileReader(int threads, size_t pieceBytes) : pieceBytes_(pieceBytes) {
  for (int i = 0; i < threads; i++) {
    try {
      threads_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error&) {
      // Fewer threads read the same.
      if (i == 0) throw;
      break;
    }
  }
}

void FileReader::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void FileReader::read(int descriptor, uint64_t offset, size_t bytes, std::unique_ptr<ReadTarget> target) {
  auto range = std::make_shared<Range>(descriptor, offset, bytes, std::move(target));
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) throw std::runtime_error("The reader was stopped already.");
    waiting_.push_back(std::move(range));
  }
  wake_.notify_all();
}

int defaultReaders() {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::min(12, std::max(2, cores * 3 / 4));
}

}  // namespace tunelab
