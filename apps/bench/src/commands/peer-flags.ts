/** The environment that `peers/setup.sh` makes, for commands that can do without. */
export const peerPython = {
  kind: 'parsed',
  parse: String,
  optional: true,
  placeholder: 'PATH',
  brief: 'python of the peer environment; without it only ours is timed',
} as const
