/**
 * Node keeps the ids of what runs on a stack. Where hooks are in use, as by AsyncLocalStorage, it compares them and aborts
 * at one that code ended by force has left there. So it must not look from then on until the main thread is told of that,
 * and empties the stack. What this takes is in no public place; another Node that lacks it is left as it is.
 */

interface AsyncWrap {
  async_hook_fields: Uint32Array;
  constants: Record<"kInit" | "kPromiseResolve" | "kTotals" | "kCheck", number>;
  clearAsyncIdStack(): void;
}

const wrap = find();

/** Called by the control thread in the midst of what it is about to end. */
export function suspendHookChecks(): void {
  if (wrap === undefined) return;
  const { async_hook_fields: fields, constants } = wrap;
  fields[constants.kTotals] = 0;
  fields[constants.kCheck] = 0;
}

/** Called when nothing of what was ended is on the stack any more. */
export function resumeHookChecks(): void {
  if (wrap === undefined) return;
  const { async_hook_fields: fields, constants } = wrap;
  wrap.clearAsyncIdStack();
  const total = fields.subarray(constants.kInit, constants.kPromiseResolve + 1).reduce((sum, count) => sum + count, 0);
  fields[constants.kTotals] = total;
  // As enabling the first hook counts it up from none: see the runner's command line in client.ts.
  fields[constants.kCheck] = total > 0 ? 1 : 0;
}

function find(): AsyncWrap | undefined {
  const { binding } = process as unknown as { binding?(name: string): Partial<AsyncWrap> };
  const { noDeprecation = false } = process;
  process.noDeprecation = true;
  try {
    const { async_hook_fields, constants, clearAsyncIdStack } = binding?.("async_wrap") ?? {};
    if (async_hook_fields === undefined || constants === undefined || clearAsyncIdStack === undefined) return undefined;
    return { async_hook_fields, constants, clearAsyncIdStack };
  } catch {
    return undefined;
  } finally {
    process.noDeprecation = noDeprecation;
  }
}
