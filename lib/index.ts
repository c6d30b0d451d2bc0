/** The public names of tunelab, nothing else. */

export { Figure } from "./charts/figure.js";
export { LiveChart } from "./charts/liveChart.js";
export { plot } from "./charts/plot.js";
export { table } from "./charts/table.js";
export { Dataset } from "./data/dataset.js";
export { DatasetDict } from "./data/datasetDict.js";
export { loadDataset } from "./data/loadDataset.js";
export { loadDotenv } from "./env.js";
export { TunelabError } from "./errors.js";
export type { GenerateOptions } from "./generate/options.js";
export { TextStreamer } from "./generate/streamer.js";
export { FastLanguageModel } from "./models/fastLanguageModel.js";
export type { LanguageModel } from "./models/languageModel.js";
export { PeftModel } from "./peft/peftModel.js";
export { currentProfile } from "./profile.js";
export { dequantizeNf4, quantizeNf4 } from "./quant/nf4.js";
export type { QuantState } from "./quant/quantState.js";
export { isBfloat16Supported } from "./tensor/backend.js";
export type { TokenizerLike } from "./tokenizer/tokenizer.js";
export { Tokenizer } from "./tokenizer/tokenizer.js";
export type { TrainerCallback } from "./train/callbacks.js";
export { EarlyStoppingCallback } from "./train/earlyStopping.js";
export { SFTTrainer } from "./train/sftTrainer.js";
export { TrainingDiverged, TrainingInterrupted } from "./train/stopped.js";
export { TrainingArguments } from "./train/trainingArguments.js";
export type { TrainingOptions } from "./train/trainingOptions.js";
export type { TrainOutput } from "./train/trainingRun.js";
