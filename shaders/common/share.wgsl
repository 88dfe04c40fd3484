// What the four lanes of a quad hold, as columns. Needs `enable subgroups;`, uniform control flow and at least four lanes
// in a subgroup. A quad's lanes are shuffled in place, where a broadcast from a lane of the subgroup is found by masks.
fn share(own: vec4f) -> mat4x4f {
  return mat4x4f(
    quadBroadcast(own, 0u),
    quadBroadcast(own, 1u),
    quadBroadcast(own, 2u),
    quadBroadcast(own, 3u)
  );
}
