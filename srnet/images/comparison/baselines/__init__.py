"""The methods that E-LIME is compared with. Each ranks the superpixels of an image.

All of them explain the same superpixels with the same fill, and each counts its network passes and
seconds.

==================================================  ==============================================
:func:`~lime.lime`, :func:`~glime.glime`            a linear fit to random sets of superpixels
:func:`~rise.rise`                                  the mean probability over random sets
:func:`~kernelshap.kernelshap`,                     Shapley values, and Owen values of a hierarchy
:func:`~partitionshap.partitionshap`
:func:`~greedy.greedy`, :func:`~lima.lima`,         a search that adds superpixel by superpixel
:func:`~phasewin.phasewin`
:func:`~gradcam.gradcam`,                           gradients of the network
:func:`~integrated_gradients.integrated_gradients`
:func:`~chance.random`                              nothing
==================================================  ==============================================

Import each from its own module.
"""
