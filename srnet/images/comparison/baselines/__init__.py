"""The methods that E-LIME is compared with. Each ranks the superpixels of an image.

All of them explain the same superpixels with the same fill, and count their network passes and
seconds.

========================================  =========================================================
``lime.lime``, ``glime.glime``            a linear fit to random sets of superpixels
``rise.rise``                             the mean probability over random sets
``kernelshap.kernelshap``                 Shapley values
``partitionshap.partitionshap``           Owen values on a hierarchy of neighbours
``greedy.greedy``, ``lima.lima``,         searches that add superpixel by superpixel to a set, for
``phasewin.phasewin``                     one of ``objectives.OBJECTIVES``
``gradcam.gradcam``, and                  gradients of the network
``integrated_gradients.…``
``chance.random``                         nothing
========================================  =========================================================

Import each from its own module; :mod:`srnet.images.comparison.methods` knows them by name.
"""
