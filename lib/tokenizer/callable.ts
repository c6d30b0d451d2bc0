/** A base class whose instances can be called like functions, as Python's `__call__` allows. */

export abstract class Callable<Arguments extends unknown[], Result> {
  constructor() {
    const self = (...args: Arguments): Result => (self as unknown as Callable<Arguments, Result>).call(...args);
    // A constructor that returns an object makes it `this` of the subclass, private fields included.
    // biome-ignore lint/correctness/noConstructorReturn: that is the point of this class
    return Object.setPrototypeOf(self, new.target.prototype) as this;
  }

  /** What a call of the instance does. */
  abstract call(...args: Arguments): Result;
}
