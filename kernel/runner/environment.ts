/** What the supervisor adds to the runner's environment, and what neither cells nor what they start see of it. */

/** The names of what was added. */
const ADDED = "TUNELAB_RUNNER_ADDED";
const NONCE = "TUNELAB_RUNNER_NONCE";

/**
 * glibc lets threads allocate from memory of their own, and keeps there what they have freed: after the library has been
 * loaded, 14 MiB. Other C libraries do not know the name.
 */
const ALLOCATOR = { MALLOC_ARENA_MAX: "1" };

/** The allocator's settings of `given` are kept. */
export function runnerEnvironment(nonce: string, given: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const names = Object.keys(ALLOCATOR).filter((name) => given[name] === undefined);
  return { ...ALLOCATOR, ...given, [NONCE]: nonce, [ADDED]: [...names, NONCE].join(",") };
}

/** Removes what was added, and gives the nonce; an empty one where no supervisor has started this process. */
export function takeNonce(environment: NodeJS.ProcessEnv = process.env): string {
  const { [ADDED]: added = "", [NONCE]: nonce = "" } = environment;
  for (const name of [...added.split(","), ADDED]) delete environment[name];
  return nonce;
}
