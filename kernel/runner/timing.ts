/** `%%time`: how long a cell took, in IPython's words. */

const UNITS = [
  ["s", 1],
  ["ms", 1e3],
  ["µs", 1e6],
  ["ns", 1e9],
] as const;
const LONG_UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** Starts a watch; the function that it gives reads it. CPU time is that of the whole process, all its threads. */
export function startWatch(): () => string {
  const start = performance.now();
  const before = process.cpuUsage();
  return () => {
    const wall = (performance.now() - start) / 1e3;
    const { user, system } = process.cpuUsage(before);
    const cpu = `user ${duration(user / 1e6)}, sys: ${duration(system / 1e6)}, total: ${duration((user + system) / 1e6)}`;
    return `CPU times: ${cpu}\nWall time: ${duration(wall)}\n`;
  };
}

/** Seconds as "1min 2s", "1.23 s", "45.6 ms": three figures below a minute. */
export function duration(seconds: number): string {
  if (seconds >= 60) {
    const parts: string[] = [];
    let rest = Math.floor(seconds);
    for (const [unit, size] of LONG_UNITS) {
      const count = Math.floor(rest / size);
      rest -= count * size;
      if (count > 0) parts.push(`${count}${unit}`);
    }
    return parts.join(" ");
  }
  const [unit, scale] = UNITS.find(([, scale]) => seconds * scale >= 1) ?? UNITS[UNITS.length - 1] ?? ["s", 1];
  return `${Number((seconds * scale).toPrecision(3))} ${unit}`;
}
