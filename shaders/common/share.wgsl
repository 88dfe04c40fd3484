// What lanes 0 to 3 of a subgroup hold, as columns. Needs `enable subgroups;`, uniform control flow and at least four
// lanes.
fn share(own: vec4f) -> mat4x4f {
  return mat4x4f(
    subgroupBroadcast(own, 0u),
    subgroupBroadcast(own, 1u),
    subgroupBroadcast(own, 2u),
    subgroupBroadcast(own, 3u)
  );
}
