enable f16;
enable wgpu_cooperative_matrix;
// Branches here go by numbers that are the same for all of a subgroup; the analysis knows workgroups alone.
diagnostic(off, derivative_uniformity);
