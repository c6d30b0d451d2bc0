/**
 * bitsandbytes rounds a little differently on the CPU and on CUDA; each is followed bit for bit.
 *
 * | | `cpu` (backends/default/ops.py, csrc/cpu_ops.cpp) | `cuda` (csrc/kernels.cu) |
 * |---|---|---|
 * | 4-bit thresholds | midpoints of the code in float32 | constants, up to one unit in the last place off those |
 * | 4-bit block of zeros | code 7 (the value 0) | code 0, because 0 · ∞ is NaN and fails every comparison |
 * | 4-bit incomplete last block | true division by its scale | times the reciprocal, as in every block |
 * | 8-bit code | table of 65,536 equal steps over [-1, 1] | binary search, then the nearer neighbour |
 *
 * CUDA's reciprocal is approximate there (--use_fast_math); here it is the correctly rounded one, which differs only for
 * values within a unit in the last place of a threshold. Published checkpoints were quantised on CUDA; dequantisation is the same everywhere.
 */
export type Variant = "cpu" | "cuda";
