/** TensorFlow.js as the library uses it: another copy would not know the library's backends. */
import "./tensor/quietCpu.js";
import "./tensor/setBackend.js";

export * from "@tensorflow/tfjs";
