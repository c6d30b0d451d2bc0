/** Not exported by the package, yet part of what a cell infers. */
export interface Summary {
  lines: number;
}
