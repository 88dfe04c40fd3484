// As common/left_rows.wgsl, with loads shared by four lanes: each loads one row of a and hands it to the others.
fn left(row: u32, kk: u32, lane: u32) -> mat4x4f {
  return share(a[min(row + lane, params.m - 1u) * (params.a_stride / 4u) + kk]);
}
