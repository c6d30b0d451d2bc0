/** A trainable tensor and the gradient that backward passes add up in it. */
import * as tf from "@tensorflow/tfjs";

export class Parameter {
  /** The value, updated in place by the optimizer. float32. */
  readonly value: tf.Variable;
  /** Sum of the gradients since `zeroGrad`, same shape as `value`, float32; null before the first backward pass. */
  grad: tf.Tensor | null = null;

  /** @param name the name in a checkpoint, e.g. `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight` */
  constructor(
    readonly name: string,
    initial: tf.Tensor,
  ) {
    // tfjs demands process-wide unique variable names, so re-running a cell must not reuse the checkpoint's name.
    this.value = tf.variable(initial, true);
  }

  get shape(): number[] {
    return this.value.shape;
  }

  get size(): number {
    return this.value.size;
  }

  /** Replaces the value. */
  assign(values: Float32Array): void {
    tf.tidy(() => this.value.assign(tf.tensor(values, this.shape, "float32")));
  }

  zeroGrad(): void {
    this.grad?.dispose();
    this.grad = null;
  }

  dispose(): void {
    this.zeroGrad();
    this.value.dispose();
  }
}
