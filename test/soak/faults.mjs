// The ways in which one of several replicas goes bad, by name: how it begins and how it is well again. Both resolve once it
// is so. `seen`: how it is known what calls a replica got meanwhile where it can't say so itself: "attempts", by the
// gateway's own count; "sent", by when clients sent what the replica finds in its sockets afterwards. `signal`: the process
// itself is hit, at once.
const told = (kind, more = {}) => ({ begin: (replica) => replica.fault(kind, more), heal: (replica) => replica.heal() });

export const faults = {
  kill: { signal: true, seen: 'attempts', begin: (replica) => replica.kill(), heal: (replica) => replica.restart() },
  stop: { signal: true, seen: 'sent', begin: (replica) => replica.freeze(), heal: (replica) => replica.thaw() },
  blackhole: { signal: true, seen: 'sent', begin: (replica) => replica.blackhole(), heal: (replica) => replica.thaw() },
  refuse: { ...told('refuse'), seen: 'attempts' },
  hang: told('hang'),
  hang_calls: told('hang', { only: 'calls' }),
  reset: told('reset'),
  reset_calls: told('reset', { only: 'calls' }),
  reset_mid: told('reset_mid'),
  s500: told('s500'),
  s503: told('s503'),
  s500_calls: told('s500', { only: 'calls' }),
  s503_calls: told('s503', { only: 'calls' }),
  gray_503: told('s503', { only: 'calls', share: 0.5 }),
  gray_hang: told('hang', { only: 'calls', share: 0.1 }),
  garbage: told('garbage'),
  badjson: told('badjson'),
  wrong_id: told('wrong_id'),
  slow: told('slow', { factor: 10 }),
  trickle: told('trickle'),
  flap: told('flap', { period: 500 }),
};
