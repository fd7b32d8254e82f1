import '@tensorflow/tfjs-backend-cpu'
import { enableProdMode } from '@tensorflow/tfjs-core'

// Fresh weights are made before any engine is open, on TensorFlow.js's own backend. It would advise to install
// tfjs-node for speed: nothing that takes time runs on it.
enableProdMode()
