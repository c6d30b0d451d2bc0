/**
 * The tfjs backend "cuda": tensors live in buffers of the addon's CUDA table once an op of it has made or read them, float32
 * ones in float32, bfloat16 or float16. The kernels of `tableKernels` compute there; all others are those of "cpu-native",
 * or of tfjs itself, on copies in host memory.
 */
import * as tf from "@tensorflow/tfjs";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { fail } from "../../errors.js";
import type { CudaTable, DeviceBuffer, DeviceBuffers, DeviceProbe, MemoryOwner } from "../../native/addon.js";
import { quiet } from "../backend/quiet.js";
import type { ElementType } from "../backend/table.js";
import type { Surface } from "../native/surface.js";
import { Storage } from "./storage.js";
import { deviceSurface } from "./surface.js";

export const CUDA = "cuda";

type BackendValues = tf.backend_util.BackendValues;

export class CudaBackend extends MathBackendCPU {
  readonly surface: Surface<DeviceBuffers>;
  /** The GPU that computes. */
  readonly probe: DeviceProbe;

  /**
   * @param worthwhile multiplications from which a product of tensors on the host is computed on the GPU; with 0 the GPU
   * computes whatever it has a kernel for
   */
  constructor(
    readonly cuda: CudaTable,
    public worthwhile: number,
  ) {
    super();
    quiet(this);
    this.probe = cuda.probe();
    this.surface = deviceSurface(this);
  }

  override write(values: BackendValues, _shape: number[], dtype: tf.DataType): object {
    const dataId = {};
    this.data.set(dataId, new Storage(this.cuda, dtype, values));
    return dataId;
  }

  override move(dataId: object, values: BackendValues, _shape: number[], dtype: tf.DataType, refCount: number): void {
    this.data.set(dataId, new Storage(this.cuda, dtype, values, refCount));
  }

  override async read(dataId: object): Promise<BackendValues> {
    const storage = this.storage(dataId);
    if (storage.device === null) return this.readSync(dataId);
    return storage.read();
  }

  override disposeData(dataId: object, force = false): boolean {
    const storage = this.data.has(dataId) ? this.storage(dataId) : null;
    const gone = super.disposeData(dataId, force);
    if (gone) storage?.free();
    return gone;
  }

  override memory() {
    const { inUse } = this.cuda.memory();
    return { unreliable: false, reasons: [], numBytesInGPU: inUse };
  }

  /** Where a tensor's values are; brings tensors over that were made on another backend. */
  storage(dataId: object): Storage {
    return this.data.get(dataId) as Storage;
  }

  /** The buffer of a float32 tensor, moved to the GPU if need be. */
  buffer(tensor: tf.TensorInfo, owner: MemoryOwner = "activations"): DeviceBuffer {
    if (tensor.dtype !== "float32") fail(`A tensor of ${tensor.dtype} was given where float32 values are computed.`);
    return this.storage(tensor.dataId).toDevice(owner, "float32");
  }

  /**
   * The buffer of a variable whose values an op will change in place. Where other tensors share them, the variable gets a
   * copy of its own first.
   */
  ownBuffer(variable: tf.Variable, owner: MemoryOwner): DeviceBuffer {
    const shared = this.storage(variable.dataId);
    if (shared.refCount > 1) {
      const from = this.buffer(variable, owner);
      const copy = this.cuda.createBuffer(from.dtype, from.length, owner);
      this.cuda.copy(from, copy);
      const own = this.tensor(copy, variable.shape);
      variable.assign(own);
      own.dispose();
    }
    return this.storage(variable.dataId).forWriting(owner);
  }

  /** A tensor's description over a buffer that it will own. */
  tensorInfo(buffer: DeviceBuffer, shape: readonly number[], dtype: ElementType = "float32"): tf.TensorInfo {
    const dataId = {};
    this.data.set(dataId, Storage.onDevice(this.cuda, dtype, buffer));
    return { dataId, shape: [...shape], dtype };
  }

  /** A tensor of float32 over a buffer that it will own. */
  tensor<T extends tf.Tensor = tf.Tensor>(buffer: DeviceBuffer, shape: readonly number[]): T {
    const { dataId } = this.tensorInfo(buffer, shape);
    return tf.engine().makeTensorFromDataId(dataId, [...shape], "float32", this) as T;
  }
}

/** The backend when it is the active one, else null. */
export function activeCuda(): CudaBackend | null {
  return tf.getBackend() === CUDA ? (tf.backend() as CudaBackend) : null;
}
