import { readFileSync } from "node:fs";
import { type LayerGeometry, PROJECTIONS, type Projection } from "../../../lib/tensor/layers.js";
import { cpu } from "./reference/addon.js";
import { assertClose } from "./reference/compare.js";
import { type Descriptor, pack } from "./reference/layers.js";

interface Golden {
  geometry: LayerGeometry;
  lengths: number[];
  scaling: number;
  inputNorm: string;
  postAttentionNorm: string;
  projections: Record<
    Projection,
    { weight: string; bias: string | null; a: string; b: string; aGrad: string; bGrad: string }
  >;
  x: string;
  dy: string;
  y: string;
  dx: string;
}

const golden = JSON.parse(readFileSync(new URL("./golden/decoderLayer.json", import.meta.url), "utf8")) as Golden;

function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

describe("native decoder layer beside transformers and PEFT", () => {
  it("has their output, input gradient and LoRA gradients", () => {
    const { geometry, projections, scaling } = golden;
    const entries = PROJECTIONS.map((name) => {
      const { weight, bias, a, b } = projections[name];
      const values = floats(weight);
      const outFeatures = floats(b).length / 2;
      const lora = { a: floats(a), b: floats(b), scaling, dropout: 0 };
      const inFeatures = values.length / outFeatures;
      return [
        name,
        { inFeatures, outFeatures, weight: { kind: "dense", values }, bias: bias === null ? null : floats(bias), lora },
      ];
    });
    const layer = cpu.createDecoderLayer({
      geometry,
      inputNorm: floats(golden.inputNorm),
      postAttentionNorm: floats(golden.postAttentionNorm),
      projections: Object.fromEntries(entries) as Descriptor["projections"],
    });
    const batch = pack(golden.lengths);
    const x = floats(golden.x);
    const [y, dx] = [new Float32Array(x.length), new Float32Array(x.length)];
    const gradients = Object.fromEntries(
      PROJECTIONS.map((name) => {
        const { a, b } = projections[name];
        return [name, { a: new Float32Array(floats(a).length), b: new Float32Array(floats(b).length) }];
      }),
    ) as Record<Projection, { a: Float32Array; b: Float32Array }>;
    const state = cpu.decoderLayerForward(layer, x, y, batch, { saving: "all", training: true, seed: 1 });
    cpu.decoderLayerBackward(layer, state, x, floats(golden.dy), dx, batch, gradients);
    assertClose(y, floats(golden.y), 2e-6, "output");
    assertClose(dx, floats(golden.dx), 1e-5, "input gradient");
    for (const name of PROJECTIONS) {
      assertClose(gradients[name].a, floats(projections[name].aGrad), 1e-5, `${name} A`);
      assertClose(gradients[name].b, floats(projections[name].bGrad), 1e-5, `${name} B`);
    }
  });
});
