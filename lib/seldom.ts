/** Progress on the console that leaves quick work alone. */

const QUIET_MS = 5000;

/** Prints a line at most every five seconds, the first one five seconds from now. */
export function seldom<Progress>(line: (progress: Progress) => string): (progress: Progress) => void {
  let last = Date.now();
  return (progress) => {
    if (Date.now() - last < QUIET_MS) return;
    last = Date.now();
    console.log(line(progress));
  };
}
