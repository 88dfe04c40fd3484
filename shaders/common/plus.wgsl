// c + p · x, number by number: each product is added before the next is made, so that a software adapter, which has 16 registers for
// vectors, needs one beside the sums and x. A product of matrix and vector makes all four sums first, and what is shared is stored
// and loaded anew for each. For the same reason x's twins of other lanes come one after another, each made of the last.
fn plus(c: vec4f, p: mat4x4f, x: vec4f) -> vec4f {
  return vec4f(
    c.x + p[0].x * x.x + p[1].x * x.y + p[2].x * x.z + p[3].x * x.w,
    c.y + p[0].y * x.x + p[1].y * x.y + p[2].y * x.z + p[3].y * x.w,
    c.z + p[0].z * x.x + p[1].z * x.y + p[2].z * x.z + p[3].z * x.w,
    c.w + p[0].w * x.x + p[1].w * x.y + p[2].w * x.z + p[3].w * x.w,
  );
}
