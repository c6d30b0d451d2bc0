/** TensorFlow.js as the library uses it: another copy would not know the library's backends. */
export * from "@tensorflow/tfjs";
