// Threads that read ranges of open files, several at a time: one thread copies a few GB/s out of the page cache, a GPU takes
// 55. A range is read in pieces, ranges begin in the order in which they were asked for, and the caller waits for none. Reads
// rather than mapped files: mapped pages cannot be pinned at that rate, and a file cut short would end the process.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tunelab {

// Where the bytes of one range go. All calls come from the reader's threads; pieces of one range from several at once.
class ReadTarget {
 public:
  virtual ~ReadTarget() = default;
  // Memory for the bytes [at, at + bytes) of the range; may wait until there is some. `thread` counts from 0.
  virtual char* place(int thread, size_t at, size_t bytes) = 0;
  // They are there.
  virtual void filled(int thread, size_t at, size_t bytes) = 0;
  // The last call, once: `error` is empty, or says why bytes are missing. From now on the target owns itself.
  virtual void finish(const std::string& error) noexcept = 0;
};

class FileReader {
 public:
  FileReader(int threads, size_t pieceBytes);
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  ~FileReader() { stop(); }
  // The descriptor may be closed as soon as this returns.
  void read(int descriptor, uint64_t offset, size_t bytes, std::unique_ptr<ReadTarget> target);
  // Gives up what was not begun, waits for the pieces that were, and ends the threads. All targets have been told then.
  void stop();

 private:
  struct Range;
  void work(int thread);
  const size_t pieceBytes_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Ranges of which pieces are left to begin.
  std::deque<std::shared_ptr<Range>> waiting_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

// As many threads as use up the memory's bandwidth, and leave some cores to those who compute.
int defaultReaders();
constexpr int maxReaders = 64;
constexpr size_t defaultPieceBytes = size_t{4} << 20;

}  // namespace tunelab
