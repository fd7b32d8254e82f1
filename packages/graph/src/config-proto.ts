import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

export interface ConfigOptions {
  /** Threads for one op, and for ops side by side; 0 lets TensorFlow take all cores. */
  threads?: number
}

/** TensorFlow's ConfigProto, serialised. Field numbers: tensorflow/core/protobuf/config.proto, rewriter_config.proto. */
export function configProto({ threads = 0 }: ConfigOptions): Uint8Array {
  const config = new BinaryWriter()
  config.tag(2, WireType.Varint).int32(threads) // intra_op_parallelism_threads
  config.tag(5, WireType.Varint).int32(threads) // inter_op_parallelism_threads
  config.tag(6, WireType.LengthDelimited).fork() // gpu_options
  config.tag(4, WireType.Varint).bool(true) // allow_growth: leave a GPU's memory to others until it is needed
  config.join()
  config.tag(7, WireType.Varint).bool(true) // allow_soft_placement: what has no GPU kernel runs on the CPU
  config.tag(9, WireType.Varint).bool(threads > 0) // use_per_session_threads
  config.tag(10, WireType.LengthDelimited).fork() // graph_options
  config.tag(3, WireType.LengthDelimited).fork() // optimizer_options
  config.tag(3, WireType.Varint).int32(-1) // opt_level L0: our passes have done it
  config.join()
  config.tag(10, WireType.LengthDelimited).fork() // rewrite_options
  config.tag(19, WireType.Varint).bool(true) // disable_meta_optimizer: Grappler gains nothing, and costs 2 s at the first step
  config.join()
  config.join()
  return config.finish()
}
