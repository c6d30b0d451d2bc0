/** An answer that must not be late: some clients stop asking for good when one is. */

/** What `answer` becomes, or `otherwise` when that takes longer than so many milliseconds. */
export async function inTime<Value>(answer: Promise<Value>, milliseconds: number, otherwise: Value): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Value>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), milliseconds);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
